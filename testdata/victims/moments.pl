#!/usr/bin/perl
# moments.pl ROUNDS SIG one|group CMD...: runs CMD and sends SIG to it at a random moment of its life, ROUNDS times.
# FAMILY is the list of the processes that CMD works on. Prints for the rounds what CMD was ended by, and how many of the
# family were stopped at two moments: when CMD had been reaped, and when nobody of CMD's was left (its guardian, say).
# Each line: "ROUND ended=SIG|exit:N at-once=N after=N". The family is continued before the next round. As it does not live
# for ever, there are fewer rounds where they take long.
use strict;
use warnings;
use POSIX ();
use Time::HiRes qw(time sleep);

my ($rounds, $sig, $whom, @cmd) = @ARGV;
my @family = split ' ', $ENV{FAMILY};
my %known = map { $_ => 1 } processes();
my $number = do { no strict 'refs'; &{"POSIX::SIG$sig"}() };

sub processes { opendir my $d, '/proc' or die; return grep { /^\d+$/ && -e "/proc/$_/stat" } readdir $d }

sub state {
	open my $f, '<', "/proc/$_[0]/stat" or return '';
	local $/;
	return (<$f> // '') =~ /.*\) (.)/s ? $1 : '';
}

# EVENTS is the cgroup.events of a cgroup that counts as one more.
sub stopped {
	my $n = grep { state($_) eq 'T' } @family;
	if (my $events = $ENV{EVENTS}) {
		open my $f, '<', $events or die "$events: $!";
		$n++ if grep { /^frozen 1/ } <$f>;
	}
	return $n;
}

# strangers: who has come since we began, and is not dead yet.
sub strangers { return grep { !$known{$_} && state($_) !~ /^[ZX]?$/ } processes() }

sub run {
	my $pid = fork // die $!;
	# Both, so that the group is there for whoever comes first.
	if ($pid) { POSIX::setpgid($pid, $pid); return $pid }
	setpgrp;
	$SIG{$_} = 'DEFAULT' for qw(INT QUIT HUP TERM);
	open STDOUT, '>', '/dev/null';
	open STDERR, '>', '/dev/null';
	exec @cmd or POSIX::_exit(127);
}

# settle waits until CMD's people are gone, as long as it takes, and then a little for signals that are still on their way.
sub settle {
	for (1 .. 30000) { last unless strangers(); sleep 0.001 }
	for (1 .. 20)   { sleep 0.001; last unless stopped() }
	return stopped();
}

# The longest of three undisturbed runs is the time from which the moments are drawn.
my $length = 0;
for (1 .. 3) {
	my $start = time;
	waitpid run(), 0;
	my $took = time - $start;
	$length = $took if $took > $length;
	settle();
}
my $began = time;
for my $round (1 .. $rounds) {
	last if time - $began > 25;
	my $pid = run();
	my $until = time + rand $length;
	# Sleeping is too coarse for the last millisecond.
	my $nap = $until - time - 0.001;
	sleep $nap if $nap > 0.001;
	1 while time < $until;
	kill $whom eq 'group' ? -$number : $number, $pid;
	waitpid $pid, 0;
	my $ended = $? & 127 ? 'SIG' . ($? & 127) : 'exit:' . ($? >> 8);
	my $now = stopped();
	my $after = settle();
	# One of the three may have been much longer than all that follow.
	$length *= $ended =~ /SIG/ ? 1.05 : 0.8;
	print "$round ended=$ended at-once=$now after=$after\n";
	kill 'CONT', @family;
	die "the family is no longer whole\n" if grep { state($_) =~ /^[ZX]?$/ } @family;
}
