#!/usr/bin/perl
# hop.pl N [setsid]: N processes that fork and exit without end, so that each lives for less than a millisecond and its
# child loses its parent. The first process leads their session and stays; with "setsid" one hop in 50 leads a new one.
use strict;
use warnings;
use POSIX ();

my ($n, $setsid) = @ARGV;
my $end = time + 60;
# Nobody hops before all are there: the last ones would have to wait for the first.
pipe my $gate, my $opened or die $!;
open my $ready, '>&=', 3 or die $!;
POSIX::setsid() > 0 or die "setsid: $!";
for (1 .. $n) {
	next if fork // die $!;
	close $ready;
	close $opened;
	sysread $gate, my $nothing, 1;
	close $gate;
	srand $$;
	while (time < $end) {
		POSIX::setsid() if $setsid && rand() < 0.02;
		my $pid = fork;
		POSIX::_exit(0) if $pid;
	}
	POSIX::_exit(0);
}
$SIG{CHLD} = 'IGNORE';
close $opened;
syswrite $ready, "root=$$\n";
close $ready;
sleep 1 while time < $end;
