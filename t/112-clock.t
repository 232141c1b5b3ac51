#!/usr/bin/perl

# Copyright (C) Keepers

# A machine whose clock is set by an hour, forward or back, logs nobody out, and
# the dates of a session are good long after 2038.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use MIME::Base64 qw(decode_base64url);
use Mojo::Date;
use Mojo::JSON qw(decode_json);
use Test::More;


my $hour = 3600;
my $year = 365.25 * 24 * $hour;
my $idle_s = 10;

my $redis = start_redis();
my $shim = work_dir() . '/clock.so';
my $clock = spew(work_dir() . '/clock', pack('q', 0));

system('cc', '-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o',
       $shim, "$Keepers::Test::root/t/tools/clock.c") == 0
    or die("clock.c does not compile\n");

# What a writer would say: its own clock is another matter.
my $writer = start_nginx(<<'END');
    server {
        listen 127.0.0.1:%%PORT%%;

        location / {
            default_type  application/json;
            return        200 '{"user":"0190f5e8-9a7b-7c3d-8e4f-000000000001","business":"0190f5e8-9a7b-7c3d-8e4f-0a1b2c3d4e5f","role":"owner","aal":"1"}';
        }
    }
END

my $nginx = do {
    local $ENV{LD_PRELOAD} = $shim;
    local $ENV{KEEPERS_CLOCK} = $clock;
    local $ENV{ASAN_OPTIONS} = "$ENV{ASAN_OPTIONS}:verify_asan_link_order=0";

    start_nginx(<<"END");
http {
    keepers_zone            2m;
    keepers_key_file        %%KEYS%%/edge.keys;
    keepers_writer_key      %%KEYS%%/writer.pub;
    keepers_redis           unix:%%REDIS%%;
    keepers_redis_timeout   2s;
    keepers_session_cookie  keepers insecure;
    keepers_session_idle    ${idle_s}s;

    server {
        listen 127.0.0.1:%%PORT%%;

        location = /page {
            keepers_session  required;
            add_header       Age \$keepers_session_age;
            add_header       Identity \$keepers_identity;
            try_files        /none /shown;
        }

        location = /shown {
            add_header  Age \$keepers_session_age;
            add_header  Identity \$keepers_identity;
            return      200 "shown";
        }

        location = /fresh {
            keepers_session  required fresh=30m;
            try_files        /none /shown;
        }

        location = /step-up {
            keepers_session  required;
            keepers_step_up  /_keepers/who;
        }

        location = /signin {
            keepers_page    %%ROOT%%/conf/pages/signin.html;
            keepers_signin  /_keepers/who;
        }

        location = /_keepers/who {
            internal;
            proxy_pass $writer->{url};
        }

        location /sessions {
            keepers_session  required;
            keepers_sessions;
        }

        location = /status {
            keepers_status;
        }
    }
}
END
};

my $ua = ua();

$ua->cookie_jar->ignore(sub { 1 });


# The clock is set, and nginx has seen it.
sub set_clock {
    my ($apart_s) = @_;

    open(my $out, '+<:raw', $clock) or die("clock: $!\n");
    print $out pack('q', $apart_s);
    close($out);

    return wait_for {
        my $res = $ua->get("$nginx->{url}/status")->res;

        return abs(Mojo::Date->new($res->headers->date)->epoch
                   - time() - $apart_s) < 30;
    };
}


sub get {
    my ($path, $token) = @_;

    return $ua->get("$nginx->{url}$path"
                    => { Cookie => "keepers=$token" })->res;
}


sub post {
    my ($path, $token) = @_;
    my $res = $ua->post("$nginx->{url}$path"
        => { $token ? (Cookie => "keepers=$token") : (),
             Origin => $nginx->{url} }
        => json => { password => 'x', $token ? () : (email => 'a@b.example') })
        ->res;

    return map { /^keepers=(v1\.[\w-]{54});/ }
           @{$res->headers->every_header('Set-Cookie')};
}


sub key_of {
    return (split(/\n/, redis_cli($redis, 'KEYS', 'keepers:*:s:*')))[0];
}


sub renewed {
    my ($calls) = redis_cli($redis, 'INFO', 'commandstats')
                  =~ /^cmdstat_pexpire:calls=(\d+)/m;

    return $calls // 0;
}


ok(wait_for { $ua->get("$nginx->{url}/status")->res->body
              =~ /^keepers_redis_ready 1$/m }, 'Redis is ready');


subtest 'an hour forward, back, and an hour too far' => sub {
    my ($token) = post('/signin');
    my %codes;

    canary($token);

    # set forward and back again, back and forward again
    for my $apart_s (0, $hour, 0, -$hour, 0) {
        ok(set_clock($apart_s), "set by $apart_s s");

        my $before = renewed();

        is(get('/page', $token)->code, 200, 'the session opens');
        ok((wait_for { $codes{get('/page', $token)->code}++;
                       renewed() > $before }), 'its life is renewed');
        cmp_ok(redis_cli($redis, 'PTTL', key_of()), '<=', $idle_s * 1000,
               'by no more than its idle time');
        is(get('/fresh', $token)->code, $apart_s ? 401 : 200,
           'a proof is fresh where the clock says so');
    }

    is(join(' ', sort(keys(%codes))), '200', 'nobody was logged out');

    set_clock(13 * $hour);
    is(get('/page', $token)->code, 401, 'beyond its absolute end it is over');
    set_clock(0);
    is(get('/page', $token)->code, 200,
       'but not gone: a clock that was wrong takes nobody\'s session');
};


for my $apart_s (14 * $year, 85 * $year) {
    my $then = 2026 + int($apart_s / $year);

    subtest "about $then" => sub {
        redis_cli($redis, 'FLUSHALL');
        ok(set_clock(int($apart_s)), 'the clock is set');

        my ($token) = post('/signin') or return fail('no sign-in');

        canary($token);

        my $res = get('/page', $token);
        my $now = time() + int($apart_s);
        my ($claims) = map { decode_json(decode_base64url((split(/\./))[1])) }
                       $res->headers->header('Identity') // '..';

        is($res->code, 200, 'a session');
        cmp_ok($res->headers->header('Age'), '<', 60, 'has just begun');
        cmp_ok(abs($claims->{iat} - $now), '<', 60, 'its identity is of now');
        is($claims->{exp} - $claims->{iat}, 5, 'for five seconds');
        is(get('/fresh', $token)->code, 200, 'its proof is fresh');

        my $life = redis_cli($redis, 'PTTL', key_of());

        cmp_ok($life, '>', 0, 'it idles out');
        cmp_ok($life, '<=', $idle_s * 1000, 'in time');

        my $list = get('/sessions', $token);

        is($list->code, 200, 'it is listed');
        is(scalar(@{decode_json($list->body)->{items}}), 1, 'alone');

        my ($new) = post('/step-up', $token);

        ok($new, 'it is replaced') or return;
        canary($new);
        is(get('/page', $new)->code, 200, 'by one that opens');
        is(get('/page', $token)->code, 200, 'and reads for some seconds');

        set_clock(int($apart_s) + 13 * $hour);
        is(get('/page', $new)->code, 401, 'half a day later it is over');
    };
}

done_testing();
