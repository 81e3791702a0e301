#!/usr/bin/perl
# churn.pl N: N processes that use up PIDs as fast as they can: they fork children that exit at once.
use strict;
use warnings;
use POSIX ();

my $end = time + 60;
open my $ready, '>&=', 3 or die $!;
for (2 .. $ARGV[0]) { last unless fork // die $! }
$SIG{CHLD} = 'IGNORE';
syswrite $ready, "churning\n" or die $!;
close $ready;
while (time < $end) {
	my $pid = fork;
	POSIX::_exit(0) if defined $pid && !$pid;
}
