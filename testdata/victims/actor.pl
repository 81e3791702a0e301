#!/usr/bin/perl
# actor.pl WORD...: a process, or a family of them, that does what the words say, in their order:
#
#   name=NAME         how the line of readiness calls it ("root" for the first)
#   ignore=SIG block=SIG catch=SIG default=SIG
#   exit-on=SIG:N     exits with N on SIG; late=SIG:S:N the same, S seconds later
#   log=SIG:FILE      a line to FILE for each SIG (but CHLD)
#   reaped=FILE       a line to FILE for each child that it sees die
#   setsid setpgrp    a session, a group of its own
#   uid=N             becomes another user
#   comm=NAME         its name in /proc/PID/comm
#   keep              keeps its dead children as zombies (otherwise it reaps them)
#   child ... end     a child that does what these words say
#   orphan ... end    the same, but the parent between them has exited
#   exit=N            exits at once (a zombie under a parent that keeps it)
#   stop              stops itself, when all is ready
#
# When everybody is ready it writes one line to descriptor 3: root=PID NAME=PID... Everybody ends by himself after 150 s.
use strict;
use warnings;
use POSIX ();

my @words = @ARGV;

sub parse {
	my @acts;
	while (@words) {
		my $word = shift @words;
		last if $word eq 'end';
		push @acts, $word =~ /^(child|orphan)$/ ? [$word, parse()] : $word;
	}
	return \@acts;
}

my $script = parse();
open my $ready, '>&=', 3 or die "descriptor 3: $!";
pipe my $reader, my $writer or die $!;

my $keep = 0;
my $reaped;

sub reap {
	while ((my $pid = waitpid -1, POSIX::WNOHANG()) > 0) {
		if (defined $reaped) { open my $o, '>>', $reaped; syswrite $o, "$pid\n" }
	}
}

# fork_actor starts one that plays the acts. It counts as ready once all of its own are.
sub fork_actor {
	my ($kind, $acts) = @_;
	my $pid = fork // die "fork: $!";
	if ($pid) {
		waitpid $pid, 0 if $kind eq 'orphan';
		return;
	}
	if ($kind eq 'orphan') {
		my $second = fork // die "fork: $!";
		POSIX::_exit(0) if $second;
	}
	$SIG{CHLD} = 'DEFAULT';
	$keep = 0;
	undef $reaped;
	close $reader;
	close $ready;
	play($acts, 0);
}

sub play {
	my ($acts, $root) = @_;
	my $name = $root ? 'root' : '-';
	my ($stop, $exit);
	for my $act (@$acts) {
		if (ref $act) { fork_actor(@$act); next }
		my ($do, $with) = split /=/, $act, 2;
		if    ($do eq 'name')    { $name = $with }
		elsif ($do eq 'ignore')  { $SIG{$with} = 'IGNORE' }
		elsif ($do eq 'default') { $SIG{$with} = 'DEFAULT' }
		elsif ($do eq 'catch')   { $SIG{$with} = sub { } }
		elsif ($do eq 'exit-on') { my ($s, $n) = split /:/, $with; $SIG{$s} = sub { POSIX::_exit($n) } }
		elsif ($do eq 'late')    { my ($s, $t, $n) = split /:/, $with; $SIG{$s} = sub { select undef, undef, undef, $t; POSIX::_exit($n) } }
		elsif ($do eq 'log')     { my ($s, $f) = split /:/, $with; die "actor.pl: CHLD is its own\n" if $s eq 'CHLD'; $SIG{$s} = sub { open my $o, '>>', $f; syswrite $o, "$s\n" } }
		elsif ($do eq 'reaped')  { $reaped = $with }
		elsif ($do eq 'block')   {
			no strict 'refs';
			my $set = POSIX::SigSet->new(&{"POSIX::SIG$with"}());
			POSIX::sigprocmask(POSIX::SIG_BLOCK(), $set) or die $!;
		}
		elsif ($do eq 'setsid')  { POSIX::setsid() > 0 or die "setsid: $!" }
		elsif ($do eq 'setpgrp') { setpgrp or die "setpgrp: $!" }
		elsif ($do eq 'uid')     { POSIX::setgid($with) and POSIX::setuid($with) or die "setuid: $!" }
		elsif ($do eq 'comm')    { open my $c, '>', '/proc/self/comm' or die $!; syswrite $c, $with eq '' ? "\0" : $with; close $c }
		elsif ($do eq 'keep')    { $keep = 1 }
		elsif ($do eq 'exit')    { $exit = $with }
		elsif ($do eq 'stop')    { $stop = 1 }
		else                     { die "actor.pl: what is '$act'?\n" }
	}
	if ($root) {
		close $writer;
		my @lines = <$reader>;
		chomp @lines;
		my @pids;
		for (@lines) {
			my ($who, $pid, $want) = split ' ';
			settle($pid, $want) if $want;
			push @pids, "$who=$pid" if $who ne '-';
		}
		print {$ready} join(' ', "root=$$", @pids), "\n";
		close $ready;
	}
	else {
		syswrite $writer, join(' ', $name, $$, defined $exit ? 'Z' : $stop ? 'T' : '') . "\n";
		close $writer;
	}
	POSIX::_exit($exit) if defined $exit;
	kill 'STOP', $$ if $stop;
	$SIG{CHLD} = \&reap unless $keep;
	reap() unless $keep;
	my $end = time + 150;
	# In short naps: a signal between perl's look for one and the call is noticed after it.
	while ((my $left = $end - time) > 0) { select undef, undef, undef, $left < .5 ? $left : .5 }
	exit 0;
}

# settle waits until another process has stopped itself or has exited.
sub settle {
	my ($pid, $want) = @_;
	for (1 .. 10000) {
		open my $f, '<', "/proc/$pid/stat" or return;
		local $/;
		return if (<$f> // '') =~ /.*\) $want/s;
		select undef, undef, undef, 0.001;
	}
	die "$pid is not in state $want";
}

play($script, 1);
