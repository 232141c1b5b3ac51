#!/usr/bin/perl

# Copyright (C) Keepers

# A password that was changed in Redis and in its file is read again once Redis
# refuses the old one, without a reload (oauth2-proxy#2180: refused until it was
# restarted; envoy#25217).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Test::More;


my $redis = start_redis(conf => "user edge on >canary-one ~* &* +\@all\n");
my $file = work_dir() . '/redis.password';

spew($file, "canary-one\n", 0600);

my $nginx = start_nginx(<<"END" . <<'END');
    keepers_zone           1m;
    keepers_key_file       %%KEYS%%/edge.keys;
    keepers_redis          unix:%%REDIS%% user=edge password_file=$file;
    keepers_redis_timeout  1s;
END
    keepers_session_error  deny;

    server {
        listen  127.0.0.1:%%PORT%%;

        location = /page   { keepers_session required; }
        location = /status { keepers_status; }
    }
END

# 401: Redis was asked, and knows no such session; 503: it was not.  Each time
# another one, for the zone remembers which are none.
my $n = 1000;

sub code {
    my $token = 'v1.' . 'A' x 20 . $n++ . 'A' x 30;

    return ua()->get("$nginx->{url}/page",
                     { Cookie => "__Host-keepers=$token" })->res->code;
}

sub ready {
    return ua()->get("$nginx->{url}/status")->res->body
               =~ /^keepers_redis_ready 1$/m;
}

# New connections are made from now on with what the user has by then.
sub change {
    my ($password) = @_;

    redis_cli($redis, 'ACL', 'SETUSER', 'edge', 'resetpass', ">$password");
    redis_cli($redis, 'CLIENT', 'KILL', 'USER', 'edge');
    return;
}


ok((wait_for { ready() }), 'Redis takes the password');
is(code(), 401, 'and is asked');

my ($worker) = workers($nginx);

subtest 'changed in Redis and in the file' => sub {
    allow_log(qr/password/);
    change('canary-two');
    ok((wait_for { !ready() }), 'the old one is refused');
    is(code(), 503, 'nobody is let in, or sent away');

    spew($file, "canary-two\n", 0600);
    ok((wait_for { ready() }), 'the new one is read');
    is(code(), 401, 'and Redis is asked again');
    is((workers($nginx))[0], $worker, 'by the same worker');
    ok((logs(qr/the password of Redis ".*" was read again/)),
       'which says so');
};

subtest 'in the file first' => sub {
    spew($file, "canary-three", 0600);
    is(code(), 401, 'what is connected stays');
    change('canary-three');
    ok((wait_for { ready() && code() == 401 }), 'and comes back by itself');
};

subtest 'a file that is none of ours' => sub {
    change('canary-four');
    spew($file, "canary-four\n", 0644);
    ok((wait_for { logs(qr/a worker cannot read ".*" again: reload/) }),
       'others may read it: it is not taken, and the log says what to do');
    ok(!ready(), 'Redis stays away');

    spew($file, "canary\nfour\n", 0600);
    select(undef, undef, undef, 1.5);
    ok(!ready(), 'two lines are no password');

    spew($file, "canary-four\n", 0600);
    ok((wait_for { ready() }), 'one is');
    cmp_ok(scalar(logs(qr/a worker cannot read/)), '<=', 2,
           'it was said once, by each worker');
};

is(scalar(logs(qr/canary-/)), 0, 'no password is in a log');

done_testing();
