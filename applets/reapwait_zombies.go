package applets

func (o *reapwaitOptions) runZombies(env *Env, a *Applet, operands []string) int { return 0 }
