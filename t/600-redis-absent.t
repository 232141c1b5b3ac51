#!/usr/bin/perl

# Copyright (C) Keepers

# Without Redis a protected page is a 503, never the page and never a sign-out;
# when Redis is back so is every session, within half a second.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use List::Util qw(sum);
use Mojo::JSON qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);


my $p = start_platform();
my $redis = $p->{redis};
my $password = "$p->{dir}/keys/redis-edge.password";

my $conf = <<"END" . <<'END';
    keepers_zone                   2m;
    keepers_key_file               $p->{dir}/keys/edge.keys;
    keepers_redis                  unix:$p->{redis_socket} user=edge
                                   password_file=$password;
    keepers_redis_timeout          250ms;
    keepers_redis_connect_timeout  250ms;
    keepers_session_cookie         keepers insecure;
    keepers_session_cache          0;
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location /page/ {
            keepers_session     required;
            keepers_signin_url  /signin;
            alias               %%DIR%%/html/;
        }

        location /open/ {
            alias %%DIR%%/html/;
        }

        location = /status {
            keepers_status json;
        }
    }
END

my $nginx = start_nginx($conf);
my $session = sign_in($p);
my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
               @{$session->cookie_jar->all};

sub html {
    my ($server) = @_;

    mkdir("$server->{dir}/html");
    spew("$server->{dir}/html/index.html", 'MARKER', 0644);
    return;
}

html($nginx);


sub get {
    my ($path, %header) = @_;

    return ua()->get("$nginx->{url}$path" => { Cookie => "keepers=$cookie",
                                               %header })->res;
}


# Lines of ours in the error log, without those of single error replies.
sub lines {
    my ($server) = @_;

    return grep { /keepers: Redis/ } split(/^/m, slurp($server->{error_log}));
}


# Seconds that a GET takes, on one connection: the mean of the faster half, so
# that the other tests of this machine do not count.
sub cost {
    my ($path) = @_;
    my $ua = ua();
    my @took;

    for (1 .. 60) {
        my $begun = time();
        $ua->get("$nginx->{url}$path" => { Cookie => "keepers=$cookie" });
        push(@took, time() - $begun);
    }

    @took = (sort { $a <=> $b } @took)[0 .. 29];
    return sum(@took) / @took;
}


# Redis is killed, for so long, and comes back: the seconds until a page is
# served again, and what was seen meanwhile.  A machine that is busy may be late;
# one that is late each time is not busy.
sub outage {
    my ($for_s) = @_;
    my ($took, %seen);

    for (1 .. 3) {
        kill_hard($redis);
        $seen{get('/page/')->code}++ for 1 .. 5;
        sleep($for_s);
        restart($redis);

        ($took, my $on_the_way) = recovery(time());

        $seen{$_} += $on_the_way->{$_} for keys %$on_the_way;
        last if $took < 0.5;
    }

    return ($took, \%seen);
}


# Polls a page until Redis is asked again; the statuses on the way, the time.
sub recovery {
    my ($from) = @_;
    my %seen;

    while (time() - $from < 5) {
        my $res = get('/page/');

        $seen{$res->code // 0}++;
        $seen{cookie}++ if $res->headers->header('Set-Cookie');
        last if ($res->code // 0) != 503;
        sleep(0.005);
    }

    return (time() - $from, \%seen);
}


is(get('/page/')->code, 200, 'a page with Redis');

my @workers = workers($nginx);

# the session outlives the Redis that is killed below
redis_cli($redis, 'SAVE');

subtest 'Redis is not there' => sub {
    kill_hard($redis);

    for my $accept ('*/*', 'text/html') {
        my $res = get('/page/', Accept => $accept,
                      'Sec-Fetch-Mode' => 'navigate');

        is($res->code, 503, "a page is a 503 to $accept");
        like($res->headers->header('Retry-After'), qr/^\d+$/,
             'with a time to try again');
        ok(!$res->headers->header('Set-Cookie'), 'the cookie is left alone');
        ok(!$res->headers->location, 'nobody is sent to the sign-in');
        unlike($res->body, qr/MARKER/, 'the page is not shown');
        is($res->headers->header('Cache-Control'), 'no-store', 'not stored');
    }

    is(decode_json(get('/page/')->body)->{status}, 503, 'a problem document');

    for my $method (qw(HEAD POST OPTIONS)) {
        my $res = ua()->start(ua()->build_tx($method => "$nginx->{url}/page/"
                              => { Cookie => "keepers=$cookie" }))->res;

        isnt($res->code, 200, "$method is no way around");
        unlike($res->body, qr/MARKER/, "$method shows nothing");
    }

    is(get('/open/')->code, 200, 'an open page is served');
    is(get('/page/', Cookie => 'a=b')->code, 401,
       'who has no session is told so, for that needs no Redis');
};

# envoyproxy/ratelimit#462: each request waited, for up to ten seconds.
subtest 'an outage is cheap' => sub {
    my $open = cost('/open/');
    my $page = cost('/page/');

    cmp_ok($page, '<', $open * 3, 'a refusal costs as much as a file')
        or diag("page $page s, file $open s");
    is(scalar(lines($nginx)), 1, 'and the log one line, not one a request');
};

subtest 'Redis is back' => sub {
    restart($redis);

    my ($took, $seen) = recovery(time());

    cmp_ok($took, '<', 5, 'pages are served');
    is($seen->{200}, 1, 'to the same session');
    ok(!$seen->{401} && !$seen->{303}, 'nobody was signed out on the way')
        or diag(explain($seen));

    ok(wait_for { lines($nginx) == 2 }, 'a line says so')
        or diag(lines($nginx));
    like((lines($nginx))[0], qr/\[error\] .* is lost: /, 'the first: lost');
    like((lines($nginx))[1], qr/\[error\] .* is back, lost for \d+ s/,
         'the second: back');
};

# mod_auth_openidc 08/11/26: each try took the next of the dead connections.
subtest 'Redis is killed again and again' => sub {
    my (@took, %seen);

    # the last time for so long that nobody tries often any more
    for my $for_s (map({ 0.3 + rand(0.5) } 1 .. 4), 3.3) {
        my ($took, $on_the_way) = outage($for_s);

        push(@took, $took);
        $seen{$_} += $on_the_way->{$_} for keys %$on_the_way;
    }

    is(join(' ', sort keys %seen), '200 503',
       'a page is served or refused, nothing else')
        or diag(explain(\%seen));
    cmp_ok((sort { $a <=> $b } @took)[-1], '<', 0.5,
           'each time it is back within half a second') or diag("@took");
    is("@{[workers($nginx)]}", "@workers", 'by the same workers');
};

subtest 'a connection that Redis drops is replaced at once' => sub {
    ok(wait_for { get('/page/')->code == 200 }, 'a page with Redis');
    sleep(1.5);

    for (1 .. 5) {
        redis_cli($redis, 'CLIENT', 'KILL', 'TYPE', 'normal');
        is(get('/page/')->code, 200, 'no request notices');
    }
};

# nchan#683, nchan#714: a crash at the start while there was no Redis.
subtest 'nginx starts and reloads without Redis' => sub {
    stop($nginx, 'QUIT');
    kill_hard($redis);

    $nginx = start_nginx($conf);
    html($nginx);
    is(get('/page/')->code, 503, 'refused');
    is(get('/open/')->code, 200, 'open pages are served');

    for (1 .. 3) {
        reload($nginx);
        is(get('/page/')->code, 503, 'refused after a reload');
    }

    restart($redis);

    my ($took, $seen) = recovery(time());

    cmp_ok($took, '<', 5, 'served when Redis comes');
    is($seen->{200}, 1, 'to the session of before');
    ok(wait_for { workers($nginx) == @workers }, 'old workers are gone');
};

subtest 'an outage is counted' => sub {
    my $status = get('/status')->body;

    like($status, qr/"?keepers_redis_errors[^}]*lost/s, 'as lost');
};

done_testing();
