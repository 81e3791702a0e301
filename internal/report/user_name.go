package report

// UserName returns the name of a user for a message, or the number if the user has no name.
func UserName(uid int) string { return userName(uid) }
