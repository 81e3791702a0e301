#!/usr/bin/perl
# bomb.pl: everybody forks without end. To be run under a process limit; ready when the limit was felt.
use strict;
use warnings;

my $end = time + 60;
# Others feel the limit too, when nobody reads any more.
$SIG{PIPE} = 'IGNORE';
open my $ready, '>&=', 3 or die $!;
while (time < $end) {
	my $pid = fork;
	if (!defined $pid) {
		next unless $ready;
		syswrite $ready, "full\n";
		close $ready;
		undef $ready;
	}
}
