#!/usr/bin/perl
# stops.pl FILE N: N children, each in a session of its own, that ignore TERM. A line with the PID goes to FILE for each
# time that one is seen to stop.
use strict;
use warnings;
use POSIX qw(:sys_wait_h);

my ($file, $n) = @ARGV;
open my $ready, '>&=', 3 or die $!;
my $end = time + 60;
pipe my $from, my $to or die $!;
my @pids;
for (1 .. $n) {
	my $pid = fork // die $!;
	if (!$pid) {
		close $ready;
		$SIG{TERM} = 'IGNORE';
		POSIX::setsid() > 0 or die $!;
		close $to;
		select undef, undef, undef, $end - time while time < $end;
		exit 0;
	}
	push @pids, $pid;
}
close $to;
# All have called setsid when all have closed the pipe.
sysread $from, my $nothing, 1;
open my $out, '>>', $file or die $!;
my $i = 0;
print {$ready} join(' ', map { $i++; "child$i=$_" } @pids), "\n";
close $ready;
# Perl keeps no status of those who have stopped; but those who have exited are gone by now.
while ((my $pid = waitpid -1, WUNTRACED) > 0) { syswrite $out, "$pid\n" if kill 0, $pid }
