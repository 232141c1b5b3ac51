#!/usr/bin/perl

# Copyright (C) Keepers

# RateLimit and RateLimit-Policy say what a client may still do, and nothing
# of an account; who is refused learns when to come back, not all at once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Test::More;


my $redis = start_redis();

my $nginx = start_nginx(<<'END');
    keepers_zone      2m;
    keepers_key_file  %%KEYS%%/edge.keys;
    keepers_redis     unix:%%REDIS%%;

    # a busy machine is no dead Redis
    keepers_redis_timeout   2s;

    keepers_limit_rule hour    key=$arg_who rate=60/h burst=3;
    keepers_limit_rule day     key=$arg_who rate=10/d;
    keepers_limit_rule shadow  key=$arg_who rate=1/d mode=shadow;
    keepers_limit_rule user    key=$arg_who$keepers_user rate=5/d;
    keepers_limit_rule many    key=$uri$arg_who rate=1/h;
    keepers_limit_rule pace    key=$arg_who rate=2/5s burst=1;

    server {
        listen  127.0.0.1:%%PORT%%;
        root    %%DIR%%/html;

        location = /two    { keepers_limit hour; keepers_limit day;
                             try_files /ok.txt =404; }
        location = /missing { keepers_limit day; try_files /no =404; }
        location = /moved  { keepers_limit day; try_files /no @moved; }
        location @moved    { return 302 /; }
        location = /quiet  { keepers_limit shadow; keepers_limit user;
                             try_files /ok.txt =404; }
        location = /busy   { keepers_limit many; keepers_limit_status 503;
                             try_files /ok.txt =404; }
        location = /free   { try_files /ok.txt =404; }
        location = /many   { keepers_limit many; try_files /ok.txt =404; }
        location = /pace   { keepers_limit pace; try_files /ok.txt =404; }
        location = /status { keepers_status; }
    }
END

mkdir("$nginx->{dir}/html");
spew("$nginx->{dir}/html/ok.txt", "ok\n", 0644);


sub get { return ua()->get("$nginx->{url}/$_[0]")->res }

sub policy { return $_[0]->headers->header('RateLimit-Policy') // '' }

sub limit { return $_[0]->headers->header('RateLimit') // '' }

sub ready { return get('status')->body =~ /^keepers_redis_ready 1$/m }


sub told {
    my ($who) = @_;
    my $res = get("two?who=$who");

    is(policy($res), '"hour";q=3;w=180, "day";q=10;w=86400', 'the policies');
    is(limit($res), '"hour";r=2;t=60, "day";r=9;t=8640', 'what remains');

    get("two?who=$who") for 1 .. 2;
    $res = get("two?who=$who");

    is($res->code, 429, 'refused');
    like(limit($res), qr/^"hour";r=0;t=(?:5[0-9]|60), "day";r=7;t=259\d\d$/,
         'the other rule has not been charged for it');

    $res = get("two?who=$who");

    is(policy($res), '"hour";q=3;w=180', 'who goes on asking');
    like(limit($res), qr/^"hour";r=0;t=(?:5[0-9]|60)$/, 'is told the same');
    return;
}


ok(wait_for { ready() }, 'Redis is ready');

subtest('by Redis' => sub { told('a') });

my $res = get('missing?who=b');

is($res->code, 404, 'an answer that is none of ours');
is(limit($res), '"day";r=9;t=8640', 'has them too');

$res = get('moved?who=b');

is($res->code, 302, 'a redirect');
is(policy($res) . limit($res), '', 'has none');
is(limit(get('missing?who=b')), '"day";r=7;t=25920', 'but is charged');

for my $path ('quiet?who=c', 'quiet?who=c', 'free', 'two') {
    $res = get($path);
    is($res->code, 200, $path);
    is(policy($res) . limit($res), '', 'nothing to tell');
}

# redis-cell#58: Retry-After was rounded down, and who obeyed was refused again.
# in one piece, since each of these 2.5 seconds counts
my $both = raw($nginx->{port}, "GET /pace?who=a HTTP/1.1\r\nHost: x\r\n\r\n"
               . "GET /pace?who=a HTTP/1.1\r\nHost: x\r\n"
               . "Connection: close\r\n\r\n");

like($both, qr/^HTTP\/1\.1 200 .*^HTTP\/1\.1 429 .*^Retry-After: 3\r$/ms,
     'who comes back when told is not too early');

is(get('busy?who=d')->code, 200, 'a limit with a status of its own');
$res = get('busy?who=d');
is($res->code, 503, 'refuses with it');
like($res->body, qr/"status":503,"code":"rate_limited"/, 'in its body too');

# an hour, and up to a tenth more
my %after;

for my $n (1 .. 12) {
    get("many?who=$n");
    $after{get("many?who=$n")->headers->header('Retry-After')} = 1;
}

my @after = sort { $a <=> $b } keys %after;

cmp_ok($after[0], '>=', 3595, 'Retry-After is never too early');
cmp_ok($after[-1], '<=', 3960, 'and at most a tenth too late');
cmp_ok(scalar @after, '>', 6, 'and differs from one to the next');

kill_hard($redis);
ok(wait_for { !ready() }, 'Redis is gone');

subtest('without Redis' => sub { told('e') });

done_testing();
