#!/usr/bin/perl

# Copyright (C) Keepers

# Reloads nginx again and again while four clients ask for a protected page as
# fast as 500 times a second each, with a connection for each request.  Fails if
# one answer is not 200, if the master's memory or descriptors grow, or if a log
# has an alert.  Started by ./build.sh soak [RELOADS].

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Keepers::Test;
use Test::More;
use Time::HiRes qw(sleep time);


my $reloads = shift(@ARGV) // 1000;
my $clients = 4;
my $rate = 500;

my $p = start_platform(limits => 'off');
my $jar = sign_in($p)->cookie_jar;
my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' } @{$jar->all};
my ($peer) = $p->{url} =~ m{//([\d.]+:\d+)};
my $request = "GET /dashboard/ HTTP/1.1\r\nHost: localhost\r\n"
              . "Cookie: keepers=$cookie\r\nConnection: close\r\n\r\n";


# Asks until it is told to stop; answers how often, and what went wrong.
sub client {
    my ($out) = @_;
    my ($asked, $stop, %failed) = (0, 0);

    $SIG{TERM} = sub { $stop = 1 };

    my $began = time();

    while (!$stop) {
        my $socket = IO::Socket::INET->new(PeerAddr => $peer);
        my $line = '';

        if ($socket) {
            print $socket $request;
            $line = <$socket> // '';
            1 while read($socket, my $rest, 65536);
        }

        $asked++;
        $failed{$line =~ m{^HTTP/1\.1 (\d+)} ? $1 : 'nothing'}++
            if $line !~ m{^HTTP/1\.1 200 };

        my $early = $began + $asked / $rate - time();

        sleep($early) if $early > 0;
    }

    print $out join(' ', $asked, %failed), "\n";
    close($out);
    POSIX::_exit(0);
}

sub master {
    my $pid = $p->{nginx}{pid};
    my ($rss) = slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m;
    my @fds = glob("/proc/$pid/fd/*");

    return ($rss, scalar @fds);
}


require POSIX;

my (%pipe, @asked);

for (1 .. $clients) {
    pipe(my $in, my $out) or die $!;

    my $pid = fork() // die $!;

    if ($pid == 0) {
        close($in);
        client($out);
    }

    close($out);
    $pipe{$pid} = $in;
}

# what nginx allocates once, it has by then
reload($p->{nginx}) for 1 .. 10;

my ($rss, $fds) = master();
my $began = time();

for my $n (1 .. $reloads) {
    reload($p->{nginx}) or die 'nginx does not reload';

    if ($n % 100 == 0) {
        my @now = master();

        note(sprintf('%d reloads, %.0f s: master %d kB, %d descriptors', $n,
                     time() - $began, @now));
    }
}

my ($rss_end, $fds_end) = master();
my ($asked, %failed) = (0);

for my $pid (keys %pipe) {
    kill('TERM', $pid);

    my ($n, %of) = split(/\s+/, readline($pipe{$pid}));

    waitpid($pid, 0);
    $asked += $n;
    $failed{$_} += $of{$_} for keys %of;
}

note("$reloads reloads, $asked requests");
cmp_ok($asked, '>', $reloads, 'there was load');
is(join(' ', map { "$_: $failed{$_}" } sort keys %failed), '',
   'every check was answered 200');
cmp_ok($fds_end, '<=', $fds, 'no descriptor more');
cmp_ok($rss_end, '<=', $rss * 1.05 + 512, 'no memory more');

done_testing();
