#!/usr/bin/perl
# many.pl N FILE [ignore=SIG]: N children that do nothing; their PIDs go to FILE, a line each.
use strict;
use warnings;

my ($n, $file, @opt) = @ARGV;
my $end = time + 120;
open my $ready, '>&=', 3 or die $!;
for (@opt) { $SIG{$1} = 'IGNORE' if /^ignore=(.*)/ }
open my $pids, '>', $file or die $!;
for (1 .. $n) {
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		close $ready;
		sleep $end - time while time < $end;
		exit 0;
	}
	syswrite $pids, "$pid\n";
}
$SIG{CHLD} = 'IGNORE';
syswrite $ready, "root=$$\n";
close $ready;
while (time < $end) { select undef, undef, undef, $end - time }
