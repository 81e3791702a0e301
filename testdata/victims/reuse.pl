#!/usr/bin/perl
# reuse.pl LOG: starts a target that ends on TERM, reaps it, and at once makes another process with the same number.
# LOG then has a line "reused START", and should somebody end that newcomer, "newcomer ended by SIG".
use strict;
use warnings;
use POSIX ();

my ($log) = @ARGV;
open my $ready, '>&=', 3 or die $!;
open my $out, '>>', $log or die $!;

sub victim { my $end = time + 60; sleep 1 while time < $end; POSIX::_exit(0) }

sub start_time {
	open my $f, '<', "/proc/$_[0]/stat" or return '?';
	local $/;
	my $text = <$f>;
	$text =~ s/.*\) //s;
	return (split ' ', $text)[19];
}

my $target = fork // die $!;
victim() unless $target;
syswrite $ready, "target=$target\n";
close $ready;
waitpid $target, 0;
my $newcomer;
for (1 .. 10000) {
	open my $last, '>', '/proc/sys/kernel/ns_last_pid' or die "ns_last_pid: $!";
	syswrite $last, $target - 1 or die "ns_last_pid: $!";
	close $last;
	$newcomer = fork // die $!;
	victim() unless $newcomer;
	last if $newcomer == $target;
	kill 'KILL', $newcomer;
	waitpid $newcomer, 0;
}
die "could not get PID $target again" if $newcomer != $target;
syswrite $out, 'reused ' . start_time($newcomer) . "\n";
waitpid $newcomer, 0;
syswrite $out, 'newcomer ended by ' . ($? & 127) . "\n";
sleep 60;
