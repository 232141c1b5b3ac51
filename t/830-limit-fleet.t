#!/usr/bin/perl

# Copyright (C) Keepers

# Redis is killed in the middle of an attack on two machines: what it had
# admitted counts, each of them admits its part of what is left, and all
# together no more than a tenth above the limit.

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
    keepers_zone         2m;
    keepers_key_file     %%KEYS%%/edge.keys;
    keepers_redis        unix:%%REDIS%%;
    keepers_limit_nodes  2;

    # a busy machine is no dead Redis
    keepers_redis_timeout  2s;

    keepers_limit_rule exact  key=$arg_who rate=100/h burst=100;
    keepers_limit_rule one    key=$arg_who rate=1/h;
    keepers_limit_rule fails  key=$arg_who rate=10/h count=failures;

    server {
        listen  127.0.0.1:%%PORT%%;
        root    %%DIR%%/html;

        keepalive_requests  100000;

        location = /exact  { keepers_limit exact; try_files /ok.txt =404; }
        location = /one    { keepers_limit one; try_files /ok.txt =404; }
        location = /fails  { keepers_limit fails cost=$arg_cost;
                             try_files /$arg_file =404; }
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

sub codes {
    my ($i, $path, $n) = @_;

    return join(' ', map { ua()->get("$nginx[$i]{url}/$path")->res->code }
                         1 .. $n);
}

ok(wait_for { ready($nginx[0]) && ready($nginx[1]) }, 'Redis is ready');

# an account that was used up on one machine, and on both
is(codes(0, 'exact?who=a', 80) =~ tr/ //, 79, 'eighty of a hundred are used');
is(codes(1, 'exact?who=a', 1), '200', 'and the other machine knows of it');

# A machine knows what Redis had admitted when it last heard from it: less by
# what the other ten connections were told meanwhile, of which it gives away
# half.
my $codes = attack(\@nginx, '/exact?who=b', 20, 1000,
                   sub { kill_hard($redis) if $_[0] == 50 });

is(($codes->{200} // 0) + ($codes->{429} // 0), 1000, 'all are answered');
cmp_ok($codes->{200}, '<=', 110, 'at most a tenth above the limit');
cmp_ok($codes->{200}, '>=', 90, 'and Redis is not missed much');
note("$codes->{200} of a limit of 100 passed");

# what is left of a budget, not a new one
is(codes(0, 'exact?who=a', 11),
   join(' ', (200) x 10, 429), 'half of what the machine knew to be left');

is(codes(0, 'exact?who=c', 51), join(' ', (200) x 50, 429),
   'a machine alone admits its half of a budget');
is(codes(0, 'one?who=c', 2), '200 429',
   'a budget of one has one on each machine');
is(codes(0, 'fails?who=c&cost=10&file=ok.txt', 3), '200 200 200',
   'more than a share costs a share, and a success gives it back');
is(codes(0, 'fails?who=c&cost=10&file=none', 2), '404 429',
   'a failure does not');

done_testing();
