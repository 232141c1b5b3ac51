#!/usr/bin/perl

# Copyright (C) Keepers

# Reloads nginx again and again while four clients ask for a protected page as
# fast as 500 times a second each, with a connection for each request.  Fails if
# one answer is not 200, if the master's memory or descriptors grow, if workers
# of the last reload have more descriptors than those of the first, if they grow
# by what they answer, or if a log has an alert.  Started by ./build.sh soak
# [RELOADS].

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Askers;
use Keepers::Test;
use Test::More;
use Time::HiRes qw(time);


my $reloads = shift(@ARGV) // 1000;

# of a worker, until it is looked at; and until it is looked at again
use constant { REQUESTS => 1000, MORE => 5000 };

my $p = start_platform(limits => 'off');
my $workers = workers($p->{nginx});
my $jar = sign_in($p)->cookie_jar;
my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' } @{$jar->all};
my ($peer) = $p->{url} =~ m{//([\d.]+:\d+)};
my $request = "GET /dashboard/ HTTP/1.1\r\nHost: localhost\r\n"
              . "Cookie: keepers=$cookie\r\nConnection: close\r\n\r\n";


# Memory in kB, descriptors.
sub size {
    my ($pid) = @_;
    my ($rss) = slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m;
    my @fds = glob("/proc/$pid/fd/*");

    return ($rss, scalar @fds);
}


# The master, once the workers of before have left: it has a socket to each.
sub master {
    wait_for { workers($p->{nginx}) == $workers } 30;
    return size($p->{nginx}{pid});
}


# Those of the largest worker, all of which have answered so much; between
# requests, for one that is under way has a descriptor.
sub worker {
    my ($requests) = @_;
    my $ua = ua();
    my $asked = sub {
        my $page = $ua->get("$p->{url}/keepers/status")->res->body;
        my $n = 0;

        $n += $1 while $page =~ /^keepers_session_checks_total\S* (\d+)/mg;
        return $n;
    };
    my $until = $asked->() + $requests * $workers;

    wait_for { $asked->() >= $until } 120;

    my ($memory, $least) = (0, 1e9);

    for (1 .. 50) {
        for my $pid (workers($p->{nginx})) {
            my ($rss, $fds) = size($pid);

            $memory = $rss if $rss > $memory;
            $least = $fds if $fds < $least;
        }
    }

    return ($memory, $least);
}


my $askers = Keepers::Askers->new(peer => $peer, request => $request);

# what nginx allocates once, it has by then
reload($p->{nginx}) for 1 .. 10;

my ($rss, $fds) = master();
my ($worker_rss, $worker_fds) = worker(REQUESTS);
my $began = time();

for my $n (1 .. $reloads) {
    reload($p->{nginx}) or die 'nginx does not reload';

    if ($n % 100 == 0) {
        my @now = size($p->{nginx}{pid});

        note(sprintf('%d reloads, %.0f s: master %d kB, %d descriptors', $n,
                     time() - $began, @now));
    }
}

my ($rss_end, $fds_end) = master();
my ($worker_rss_end, $worker_fds_end) = worker(REQUESTS);
my ($worker_rss_more, $worker_fds_more) = worker(MORE);
my ($asked, %failed) = $askers->stop;

note("$reloads reloads, $asked requests");
cmp_ok($asked, '>', $reloads, 'there was load');
is(join(' ', map { "$_: $failed{$_}" } sort keys %failed), '',
   'every check was answered 200');
cmp_ok($fds_end, '<=', $fds, 'no descriptor more');
cmp_ok($rss_end, '<=', $rss * 1.05 + 512, 'no memory more');
note("a worker: $worker_rss kB and $worker_fds descriptors after the first, "
     . "$worker_rss_end kB and $worker_fds_end after the last, "
     . "$worker_rss_more kB and $worker_fds_more after " . MORE
     . ' requests more');
cmp_ok($worker_fds_end, '<=', $worker_fds, 'no descriptor more in a worker');
cmp_ok($worker_fds_more, '<=', $worker_fds, 'whatever it has answered');
cmp_ok($worker_rss_more, '<=', $worker_rss_end + 256, 'nor memory');

# A worker is new: it has what the master has, in whose heap the holes are
# others each time.  (With PCRE2 nginx 1.22 leaves some 13 bytes a reload for
# each regular expression.)
cmp_ok($worker_rss_end, '<=', $worker_rss * 1.05 + 512 + 3 * $reloads,
       'and hardly more than one of the first');

diag($_) for grep { %failed } logs(qr{keepers:});

done_testing();
