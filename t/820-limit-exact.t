#!/usr/bin/perl

# Copyright (C) Keepers

# A thousand tries from twenty connections, over two machines that share a
# Redis, and exactly a hundred pass; with Redis killed once all of them are
# gone, the attack goes on for nothing.

# (lua-resty-limit-traffic#44: more than the limit under load; keycloak#31726:
# guesses in parallel.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Attack;
use Keepers::Test;
use Test::More;


my $redis = start_redis();

# a hundred an hour: none comes back while the test runs, however slowly
my $http = <<'END';
    keepers_zone      2m;
    keepers_key_file  %%KEYS%%/edge.keys;
    keepers_redis     unix:%%REDIS%%;

    # a busy machine is no dead Redis
    keepers_redis_timeout   2s;

    keepers_limit_rule  exact key=$arg_who rate=100/h burst=100;

    server {
        listen  127.0.0.1:%%PORT%%;
        root    %%DIR%%/html;

        keepalive_requests  100000;

        location = /exact  { keepers_limit exact; try_files /ok.txt =404; }
        location = /status { keepers_status; }
    }
END

my @nginx = map { start_nginx($http) } 1 .. 2;

for my $nginx (@nginx) {
    mkdir("$nginx->{dir}/html");
    spew("$nginx->{dir}/html/ok.txt", "ok\n", 0644);
}


sub ready {
    return ua()->get("$_[0]{url}/status")->res->body
           =~ /^keepers_redis_ready 1$/m;
}


ok(wait_for { ready($nginx[0]) && ready($nginx[1]) }, 'Redis is ready');

is_deeply(attack(\@nginx, '/exact?who=a', 20, 1000), { 200 => 100, 429 => 900 },
          'exactly a hundred of a thousand pass');

# what each machine has refused it knows without Redis
my $codes = attack(\@nginx, '/exact?who=b', 20, 1000,
                   sub { kill_hard($redis) if $_[0] == 500 });

is(($codes->{200} // 0) + ($codes->{429} // 0), 1000, 'all are answered');
cmp_ok($codes->{200}, '<=', 110, 'Redis killed when the hundred are gone: a '
                                 . 'tenth more at most');
cmp_ok($codes->{200}, '>=', 100, 'and nobody is refused too early');

done_testing();
