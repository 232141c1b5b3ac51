#!/usr/bin/perl

# Copyright (C) Keepers

# On a node of a Redis Cluster the keys of one call must share a slot, and those
# of several rules do not: they are asked about one by one, and what was charged
# before one refused is given back.  Sessions need nothing of the kind.

# (lua-resty-redis-ratelimit#9, spring-cloud-gateway#248, shenyu#2808, zotero#63:
# CROSSSLOT, and everybody was let in.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Test::More;


my ($port, $bus) = (free_port(), free_port());

# the last "port" counts; a cluster has one
my $redis = start_redis(conf => "port $port\nbind 127.0.0.1\n"
                        . "cluster-enabled yes\ncluster-port $bus\n");

redis_cli($redis, qw(cluster addslotsrange 0 16383));
ok(wait_for { redis_cli($redis, qw(cluster info)) =~ /^cluster_state:ok/m },
   'a cluster of one node has all slots');

my $nginx = start_nginx(<<'END');
    keepers_zone      2m;
    keepers_key_file  %%KEYS%%/edge.keys;
    keepers_redis     unix:%%REDIS%%;

    # a busy machine is no dead Redis
    keepers_redis_timeout  2s;

    keepers_limit_rule wide    key=$arg_who rate=10/h;
    keepers_limit_rule middle  key=$arg_who rate=6/h;
    keepers_limit_rule narrow  key=$arg_who rate=3/h;
    keepers_limit_rule shadow  key=$arg_who rate=1/h mode=shadow;

    server {
        listen  127.0.0.1:%%PORT%%;
        root    %%DIR%%/html;

        location = /one    { keepers_limit wide; try_files /ok.txt =404; }
        location = /two    { keepers_limit middle; try_files /ok.txt =404; }
        location = /all    {
            keepers_limit wide;
            keepers_limit shadow;
            keepers_limit narrow;
            keepers_limit middle;
            try_files     /ok.txt =404;
        }

        location = /status { keepers_status; }
    }
END

mkdir("$nginx->{dir}/html");
spew("$nginx->{dir}/html/ok.txt", "ok\n", 0644);

sub codes {
    my ($path, $n) = @_;

    return join(' ', map { ua()->get("$nginx->{url}/$path")->res->code }
                         1 .. $n);
}

sub value {
    my ($name) = @_;
    my ($n) = ua()->get("$nginx->{url}/status")->res->body
              =~ /^\Q$name\E (\d+)$/m;

    return $n;
}

allow_log(qr/Redis ".*" answers CROSSSLOT|CROSSSLOT/);
ok(wait_for { value('keepers_redis_ready') }, 'Redis is ready');

is(codes('one?who=a', 1), '200', 'one rule is one slot');
is(codes('all?who=a', 3), '200 200 200', 'several are several');
is(value('keepers_limits_total{verdict="degraded"}'), 0,
   'and Redis decides, from the first request on');
is(codes('all?who=a', 3), '429 429 429', 'all of them');

# the refused ones have cost nobody anything: ten less one less three, and six
# less three
is(codes('one?who=a', 7), join(' ', (200) x 6, 429),
   'what the first had charged is given back');
is(codes('two?who=a', 4), '200 200 200 429', 'what came later was not asked');

is(value('keepers_limit_rule_total{rule="shadow",mode="shadow",'
         . 'verdict="limited"}'), 3, 'a rule in shadow mode refuses nobody');
is(value('keepers_limits_total{verdict="degraded"}'), 0, 'still');

my @told = logs(qr/CROSSSLOT/);

cmp_ok(scalar @told, '<=', 2, 'a worker says once that it is a cluster')
    or diag(@told);

done_testing();
