#!/usr/bin/perl

# Copyright (C) Keepers

# What a configuration amounts to, with its defaults and what is inherited, can
# be read where one asks for it, and nowhere else; and the test of one costs
# next to nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Test::More;


my $root = $Keepers::Test::root;
my $nginx = $ENV{KEEPERS_NGINX} // '/usr/sbin/nginx';

my $text = <<'END';
    keepers_zone        1m;
    keepers_key_file    %%KEYS%%/edge.keys;
    keepers_redis       unix:/none/redis.sock user=edge
                        password_file=%%KEYS%%/redis.password;
    keepers_limit_rule  api  key=$keepers_user rate=600/m burst=200;
    keepers_limit_rule  try  key=$keepers_client rate=5/10m count=failures
                             mode=shadow;
    keepers_limit       try;
    keepers_writer_key  %%KEYS%%/writer.pub;

    server {
        listen 127.0.0.1:1;
        server_name shop.example other.example;
        keepers_session_idle 10m;

        location /plain/ { }

        location = /signin {
            keepers_signin /asks;
        }

        location /api/ {
            keepers_session required role=owner,staff aal=2 fresh=15m;
            keepers_limit try;
            keepers_limit api;
            keepers_session_error stale=30s;
            if ($arg_x) { set $y 1; }

            location /api/deeper/ { keepers_csrf off; }
        }
    }

    server {
        listen 127.0.0.1:1;
        server_name second.example;
        keepers_session_cookie second insecure;
        keepers_session_absolute 1h;
        keepers_session optional;
    }
END

spew(keys_dir() . '/redis.password', 'canary-redis-password');
canary('canary-redis-password');

my ($status, $words) = nginx_test($text);

is($status, 0, 'a configuration') or diag($words);
unlike($words, qr/keepers: /, 'of which nothing is said unasked');


# As an operator does: the level on the command line, for this test alone.
sub shown {
    my ($conf) = @_;
    my $dir = work_dir() . '/shown';
    my $file = Keepers::Test::nginx_conf($conf, $dir, 1);

    # what the test's own nginx.conf logs would be a second copy
    spew($file, slurp($file) =~ s/^error_log.*\n//mr);

    my $said = qx('$nginx' -t -p '$dir' -e stderr -c '$file' -g 'error_log stderr info;' 2>&1);

    return map { s/.*?(?=keepers: )//r } grep { /keepers: / }
           split(/\n/, $said);
}

is_deeply([shown($text)], [split(/\n/, <<'END')], 'asked, it says what it is');
keepers: http: zone=1048576 keys=1 redis="unix:/none/redis.sock" redis_connect_timeout=50ms redis_timeout=25ms redis_connections=1 redis_queue=4096 limit_nodes=1
keepers: rule api: burst=200 one_each=0.100000s without_redis=0.100000s mode=enforce count=all
keepers: rule try: burst=5 one_each=120.000000s without_redis=120.000000s mode=shadow count=failures
keepers: server "shop.example" location "": session=off limits=try
keepers: server "shop.example" location "/plain/": session=off limits=try
keepers: server "shop.example" location "/signin": session=off roles=any aal=0 fresh=0ms cookie=__Host-keepers idle=600s absolute=43200s remember=0s cache=2000ms max=20 stale=0ms csrf=on limits=try
keepers: server "shop.example" location "/api/": session=required roles=owner,staff aal=2 fresh=900000ms cookie=__Host-keepers idle=600s absolute=43200s remember=0s cache=2000ms max=20 stale=30000ms csrf=on limits=try,api
keepers: server "shop.example" location "/api/deeper/": session=required roles=owner,staff aal=2 fresh=900000ms cookie=__Host-keepers idle=600s absolute=43200s remember=0s cache=2000ms max=20 stale=30000ms csrf=off limits=try,api
keepers: server "second.example" location "": session=optional roles=any aal=0 fresh=0ms cookie=second idle=1800s absolute=3600s remember=0s cache=2000ms max=20 stale=0ms csrf=on limits=try
END

is_deeply([shown("server { listen 127.0.0.1:1; return 204; }")], [],
          'nothing where nothing is ours');

# eight rules with the longest names that there are
my @long = map { sprintf('%02d%s', $_, 'x' x 30) } 1 .. 8;
my $rules = join('', map { "keepers_limit_rule $_ key=\$uri rate=1/s;" } @long);
my $limits = join('', map { "keepers_limit $_;" } @long);

is(scalar(grep { /limits=@{[join(',', @long)]}$/ }
          shown('keepers_zone 1m; keepers_key_file %%KEYS%%/edge.keys; '
                . "keepers_redis unix:/none/redis.sock; $rules "
                . "server { listen 127.0.0.1:1; $limits }")),
   1, 'all names of many');


# The shipped files, whole, against an nginx without our module: in processor
# time, which does not depend on who else has the machine.
use constant TIMES => 10;

sub takes_ms {
    my ($file, $dir) = @_;
    my $before = processor_s();

    for (1 .. TIMES) {
        my $said = qx('$nginx' -t -p '$dir' -e stderr -c '$file' 2>&1);

        $? == 0 or die("it does not load: $said");
    }

    return (processor_s() - $before) * 1000 / TIMES;
}

# Of the children that have ended.
sub processor_s {
    my (undef, undef, $user, $system) = times();

    return $user + $system;
}

my $setup = work_dir() . '/setup';
my $bare = Keepers::Test::nginx_conf('server { listen 127.0.0.1:1; }',
                                     work_dir() . '/bare', 1);

mkdir($setup);
spew($bare, slurp($bare) =~ s/^load_module.*\n//mr);

local $ENV{KEEPERS_MODULE} = $ENV{KEEPERS_MODULE}
    // "$root/build/ngx_http_keepers_module.so";
local $ENV{KEEPERS_WRITER} = $ENV{KEEPERS_WRITER}
    // "$root/build/keepers-writer";
my $port = free_port();

system("'$root/tools/demo-setup.sh' '$setup' $port >'$setup/log' 2>&1") == 0
    or die(slurp("$setup/log"));

my ($shipped) = slurp("$setup/setup.env") =~ /^NGINX_CONF=(.*)/m;
my $costs_ms = takes_ms($shipped, $setup) - takes_ms($bare, work_dir());

cmp_ok($costs_ms, '<', 100,
       sprintf('a test of all of it costs %.1f ms more than of nothing',
               $costs_ms));

done_testing();
