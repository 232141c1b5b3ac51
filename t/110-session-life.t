#!/usr/bin/perl

# Copyright (C) Keepers

# How long a session lives in Redis: as long as it is used, and no longer than
# its absolute end; and how long it is believed that one is not there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use MIME::Base64 qw(encode_base64url);
use Test::More;
use Time::HiRes qw(sleep time);

my $idle_s = 2;
my $conf;
my $p = start_platform(limits => 'off', conf => sub {
    $conf = $_[0] =~ s{[^/]*$}{keepers.conf}r;
    spew($conf, slurp($conf) . "keepers_session_idle ${idle_s}s;\n");
});

# no more than this node's zone has it of Redis
my $kept = free_port();
my $node = start_nginx(<<"END");
http {
    access_log  off;

    keepers_zone            2m;
    keepers_key_file        $p->{dir}/keys/edge.keys;
    keepers_redis           unix:$p->{redis_socket} user=edge
                            password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout   1s;
    keepers_session_cookie  keepers insecure;

    server {
        listen 127.0.0.1:%%PORT%%;

        location / {
            keepers_session  required;
            alias            %%DIR%%/html/;
        }
    }

    server {
        listen                 127.0.0.1:$kept;
        keepers_session_cache  20s;

        location / {
            keepers_session  required;
            alias            %%DIR%%/html/;
        }
    }
}
END

mkdir("$node->{dir}/html");
spew("$node->{dir}/html/page", 'MARKER', 0644);

my $ua = ua();


sub code {
    my ($cookie, $port) = @_;

    return $ua->get('http://127.0.0.1:' . ($port // $node->{port}) . '/page', { Cookie => "keepers=$cookie" })->res->code // 0;
}


sub token {
    return map { $_->value } grep { $_->name eq 'keepers' }
               @{sign_in($p)->cookie_jar->all};
}


sub keys_of {
    return split(/\n/, redis_cli($p->{redis}, 'KEYS', 'keepers:*:s:*'));
}


sub calls {
    my ($command) = @_;
    my $text = redis_cli($p->{redis}, 'INFO', 'commandstats');

    return $text =~ /^cmdstat_\Q$command\E:calls=(\d+)/m ? $1 : 0;
}


subtest 'a session that is used' => sub {
    my ($cookie) = token();
    my $until = time() + 2.5 * $idle_s;
    my %codes;

    while (time() < $until) {
        $codes{code($cookie)}++;
        sleep(0.1);
    }

    is(join(' ', keys %codes), '200', 'does not idle out');
    sleep($idle_s + 1.1);
    is(code($cookie), 401, 'and does once it is not');
    is(scalar(keys_of()), 0, 'Redis has nothing of it');
};

# expressjs/session#935: what was saved twice overwrote what was newer.
# A write of the whole record, or of anything else than its life, would make one
# again that has just ended.
subtest 'a renewal' => sub {
    my ($cookie) = token();
    my ($key) = keys_of();

    is(code($cookie), 200, 'the zone has it');
    sleep($idle_s / 5);

    my $renewed = calls('pexpire');

    redis_cli($p->{redis}, 'DEL', $key);
    is(code($cookie), 200, 'nobody was told that it is gone');
    ok((wait_for { calls('pexpire') > $renewed }), 'so it is renewed');
    is(scalar(keys_of()), 0, 'and stays gone');
    ok((wait_for { code($cookie) == 401 }), 'it opens nothing for long');
};

# The zone has it for so long that Redis is not asked: then the zone alone says
# to all workers that it was renewed.
subtest 'a renewal, told to the others' => sub {
    spew($conf, slurp($conf) =~ s/^keepers_session_idle \K\w+/10s/mr);
    reload($p->{nginx});

    my ($cookie) = token();
    my $renewed = calls('pexpire');
    my $began = time();
    my $n = 0;

    while (time() < $began + 2.3) {
        $n += code($cookie, $kept) == 200;
        sleep(0.02);
    }

    my $most = (time() - $began) + 2;

    cmp_ok($n, '>', 2 * $most, 'many requests');
    cmp_ok(calls('pexpire') - $renewed, '<=', $most, 'one renewal a second');
    cmp_ok(calls('pexpire') - $renewed, '>=', 2, 'of an idle time of ten');
};

subtest 'a session that is not there' => sub {
    my $token = 'v1.' . encode_base64url(join('', map { chr(rand(256)) }
                                                      1 .. 40));
    my $asked = calls('mget');
    my $began = time();

    is(code($token), 401, 'is none') for 1 .. 5;
    is(calls('mget') - $asked, 1, 'Redis was asked once')
        if time() - $began < 0.9;

    $asked = calls('mget');
    sleep(1.1);
    code($token);
    is(calls('mget') - $asked, 1, 'and again when a second was over');
};


done_testing();
