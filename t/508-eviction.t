#!/usr/bin/perl

# Copyright (C) Keepers

# A Redis that throws keys away when it is full signs people out, and makes the
# counters of failed sign-ins begin anew (vonrobak#152, commcare-cloud#1865): the
# log and the status say so, once, whichever worker is asked.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::FakeRedis;
use Keepers::Test;
use Test::More;


my $evicts = qr/keepers: Redis .* will evict keys when it is full/;
my $evicted = qr/keepers: Redis .* has evicted \d+ keys/;

sub serve {
    my ($where) = @_;

    return start_nginx(<<"END" . <<'END');
worker_processes 3;

http {
    access_log %%DIR%%/access.log;
    keepers_redis                  $where;
END
    keepers_zone                   2m;
    keepers_key_file               %%KEYS%%/edge.keys;
    keepers_redis_timeout          2s;
    keepers_redis_connect_timeout  2s;

    server {
        listen 127.0.0.1:%%PORT%%;

        location = /status {
            keepers_status prometheus;
        }
    }
}
END
}


sub value {
    my ($nginx, $name) = @_;
    my $text = ua()->get("$nginx->{url}/status")->res->body;

    return $text =~ /^\Q$name\E (\d+)/m ? $1 : undef;
}


sub evicted_keys {
    my ($redis) = @_;
    my ($keys) = redis_cli($redis, qw(INFO stats)) =~ /^evicted_keys:(\d+)/m;

    return $keys;
}


sub lines {
    my ($nginx, $pattern) = @_;

    return scalar(grep { /$pattern/ } split(/^/, slurp($nginx->{error_log})));
}


subtest 'one that keeps what it has' => sub {
    my $redis = start_redis(conf => "maxmemory 50mb\n"
                                    . "maxmemory-policy noeviction\n");
    my $nginx = serve("unix:$redis->{socket}");

    ok((wait_for { defined value($nginx, 'keepers_redis_evicts') }),
       'is asked');
    is(value($nginx, 'keepers_redis_evicts'), 0, 'evicts nothing');
    is(value($nginx, 'keepers_redis_evicted_keys_total'), 0, 'nor has it');
    is(lines($nginx, qr/evict/), 0, 'and there is nothing to say');

    redis_cli($redis, qw(CONFIG SET maxmemory 0));
    redis_cli($redis, qw(CONFIG SET maxmemory-policy allkeys-lru));
    reload($nginx);
    ok((wait_for { defined value($nginx, 'keepers_redis_evicts') }),
       'asked again');
    is(value($nginx, 'keepers_redis_evicts'), 0,
       'without a limit the policy means nothing');

    redis_cli($redis, qw(CONFIG SET maxmemory 50mb));
    reload($nginx);
    ok((wait_for { (value($nginx, 'keepers_redis_evicts') // 0) == 1 }),
       'with one it does');
    is(lines($nginx, $evicts), 1, 'which is a line');
    stop($nginx, 'QUIT');
};

subtest 'one that has thrown keys away' => sub {
    my $redis = start_redis(conf => "maxmemory 4mb\n"
                                    . "maxmemory-policy allkeys-lru\n");

    redis_cli($redis, qw(DEBUG POPULATE 50000 filler 100));
    redis_cli($redis, 'SET', "more$_", 1) for 1 .. 5;

    # a connection more may cost it another key
    my $before = evicted_keys($redis);
    my $nginx = serve("unix:$redis->{socket}");

    cmp_ok($before, '>', 100, 'they are many');
    ok((wait_for { value($nginx, 'keepers_redis_evicted_keys_total') }),
       'which is found out');

    my $said = value($nginx, 'keepers_redis_evicted_keys_total');

    cmp_ok($said, '>=', $before, "how many: $said");
    cmp_ok($said, '<=', evicted_keys($redis), 'and no more than that');
    is(value($nginx, 'keepers_redis_evicts'), 1, 'and that it will again');
    is(lines($nginx, $evicts), 1, 'one line of the policy, of three workers');
    is(lines($nginx, $evicted), 1, 'and one of the keys');

    redis_cli($redis, qw(CONFIG SET maxmemory-policy noeviction));
    reload($nginx);
    ok((wait_for { (value($nginx, 'keepers_redis_evicts') // 1) == 0 }),
       'it was set right');
    is(lines($nginx, $evicts), 1, 'no line more');
    stop($nginx, 'QUIT');
};

subtest 'one that does not say' => sub {
    my $redis = start_redis(conf => 'user edge on nopass ~keepers:* &keepers:* '
        . '-@all +ping +script|load +subscribe' . "\n");
    my $nginx = serve("unix:$redis->{socket} user=edge password_file="
                      . spew(work_dir() . '/edge.password', 'any'));

    ok((wait_for { lines($nginx, qr/keepers: Redis .* NOPERM/) }),
       'the log says which right is missing');
    is(value($nginx, 'keepers_redis_evicts'), undef, 'nothing is made up');
    is(value($nginx, 'keepers_redis_ready'), 1, 'all else is as ever');
    stop($nginx, 'QUIT');
};

subtest 'one that answers with nonsense' => sub {
    my $redis = start_redis();
    my $dir = work_dir();
    my $fake = Keepers::FakeRedis->new(listen => "$dir/fake.sock",
                                       real => $redis->{socket});
    my $info = "# Memory\r\nmaxmemory:5\r\nmaxmemory_policy:volatile-ttl";

    for my $reply ("\$5\r\nhello\r\n", "\$0\r\n\r\n", ":5\r\n", "*0\r\n",
                   "\$-1\r\n", "\$17\r\n\nmaxmemory_policy\r\n",
                   "\$18\r\n\nmaxmemory_policy:\r\n") {
        $fake->mode("to:INFO:$reply");

        my $asked = grep { $_ eq 'INFO' } $fake->seen();
        my $nginx = serve("unix:$dir/fake.sock");
        my @workers;

        wait_for { (@workers = workers($nginx)) == 3 };
        ok((wait_for { (grep { $_ eq 'INFO' } $fake->seen()) > $asked }),
           'asked');
        ok((wait_for { value($nginx, 'keepers_redis_ready') }), 'and goes on');
        is(value($nginx, 'keepers_redis_evicts'), undef, 'knows nothing');
        is("@{[workers($nginx)]}", "@workers", 'by the same workers');
        stop($nginx, 'QUIT');
    }

    $fake->mode('to:INFO:$' . length($info) . "\r\n$info\r\n");

    my $nginx = serve("unix:$dir/fake.sock");

    ok((wait_for { value($nginx, 'keepers_redis_evicts') }),
       'a last line needs no end');
    stop($nginx, 'QUIT');
    $fake->stop;
};

done_testing();
