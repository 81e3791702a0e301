#!/usr/bin/perl
# pipeline.pl FILE: producer | consumer. The producer never ends; the consumer writes what it has read to FILE at
# end-of-file, and takes it for whole. Ready when something has gone through.
use strict;
use warnings;

my ($file) = @ARGV;
open my $ready, '>&=', 3 or die $!;
pipe my $from, my $to or die $!;
my $producer = fork // die $!;
if (!$producer) {
	close $ready;
	close $from;
	my $end = time + 60;
	while (time < $end) { syswrite $to, "line\n" x 100; select undef, undef, undef, 0.001 }
	exit 0;
}
my $consumer = fork // die $!;
if (!$consumer) {
	close $to;
	my $read = sysread $from, my $buf, 1 << 16;
	print {$ready} "producer=$producer consumer=$$\n";
	close $ready;
	while (my $n = sysread $from, $buf, 1 << 16) { $read += $n }
	open my $out, '>', $file or die $!;
	syswrite $out, "$read\n";
	exit 0;
}
close $_ for $ready, $from, $to;
waitpid $_, 0 for $producer, $consumer;
