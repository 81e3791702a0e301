package escalate

import "killbox/internal/signals"

// list is the scope of single processes without a freeze. It gains no members.
type list struct {
	neverStopped
	*sender
}

func newList(acc *account) *list { return &list{sender: newSender(acc)} }

func (l *list) scanAndStop(signals.Signal) (batch, error) { return nil, nil }

func (l *list) signal(to batch, sig signals.Signal) { l.signalAll(to, sig) }

func (l *list) sweep() (more bool, err error) { return false, nil }

func (l *list) addNewcomers() (doubt string, err error) { return "", nil }
