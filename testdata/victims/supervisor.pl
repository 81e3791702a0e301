#!/usr/bin/perl
# supervisor.pl N [SIG]: keeps N children alive, replacing each dead one at once. It ignores SIG; they do not.
use strict;
use warnings;
use POSIX ();

my ($n, $ignored) = @ARGV;
my $end = time + 60;
my %kids;

sub spawn {
	my $pid = fork // return;
	if (!$pid) {
		$SIG{$ignored} = 'DEFAULT' if $ignored;
		close STDERR;
		sleep 1 while time < $end;
		POSIX::_exit(0);
	}
	$kids{$pid} = 1;
}

open my $ready, '>&=', 3 or die $!;
$^F = 2;
$SIG{$ignored} = 'IGNORE' if $ignored;
spawn() for 1 .. $n;
syswrite $ready, "root=$$\n";
close $ready;
while (time < $end) {
	my $pid = wait;
	spawn() if $pid > 0 && delete $kids{$pid};
	spawn() while keys %kids < $n;
}
