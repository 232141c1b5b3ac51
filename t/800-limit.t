#!/usr/bin/perl

# Copyright (C) Keepers

# A limit admits exactly its burst, charges nobody for what another rule
# refuses, costs Redis nothing for who goes on asking, and holds without Redis.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use MIME::Base64 qw(decode_base64url);
use Mojo::JSON qw(decode_json);
use Test::More;


my $redis = start_redis();

my $http = <<'END';
    keepers_zone            2m;
    keepers_key_file        %%KEYS%%/edge.keys;
    keepers_redis           unix:%%REDIS%%;

    # a busy machine is no dead Redis
    keepers_redis_timeout   2s;
    keepers_session_cookie  keepers insecure;

    keepers_limit_rule five    key=$arg_who rate=5/h;
    keepers_limit_rule burst   key=$arg_who rate=1/h burst=3;
    keepers_limit_rule wide    key=$arg_who rate=100/h;
    keepers_limit_rule narrow  key=$arg_who rate=2/h;
    keepers_limit_rule quick   key=$arg_who rate=2/s burst=1;
    keepers_limit_rule cost    key=$arg_who rate=10/h;
    keepers_limit_rule shadow  key=$arg_who rate=2/h mode=shadow;
    keepers_limit_rule once    key=$arg_who rate=4/h;
    keepers_limit_rule down    key=$arg_who rate=4/h;
    keepers_limit_rule refused key=$arg_who rate=2/h;
    keepers_limit_rule user    key=$keepers_user rate=1/h;
    keepers_limit_rule mixed   key=$arg_who:$keepers_user rate=1/h;
    keepers_limit_rule tail    key=$arg_who rate=3/h;
END

my $nginx = start_nginx($http . <<'END');
    map $request_uri $asked {
        ~canary  -;
        default  $request_uri;
    }

    log_format  limit  "$asked $keepers_limit";

    server {
        listen 127.0.0.1:%%PORT%%;

        access_log  %%DIR%%/limit.log limit;
        root        %%DIR%%/html;

        location = /five    { keepers_limit five; try_files /ok.txt =404; }
        location = /burst   { keepers_limit burst; try_files /ok.txt =404; }
        location = /both    {
            keepers_limit wide;
            keepers_limit narrow;
            try_files /ok.txt =404;
        }
        location = /wide    { keepers_limit wide cost=$arg_cost;
                              try_files /ok.txt =404; }
        location = /quick   { keepers_limit quick; try_files /ok.txt =404; }
        location = /cost    { keepers_limit cost cost=$arg_cost;
                              try_files /ok.txt =404; }
        location = /shadow  { keepers_limit shadow; try_files /ok.txt =404; }
        location = /down    { keepers_limit down; try_files /ok.txt =404; }
        location = /refused { keepers_limit refused; try_files /ok.txt =404; }
        location = /mixed   { keepers_limit mixed; try_files /ok.txt =404; }
        location = /user    {
            keepers_session optional;
            keepers_limit   user;
            try_files       /ok.txt =404;
        }

        location /once/ {
            keepers_limit  once;
            index          first.html second.html ok.txt;
        }

        location = /page {
            keepers_limit  tail;
            error_page     429 = @slow;
            try_files      /ok.txt =404;
        }

        location @slow {
            keepers_limit  tail;
            return 429 "slow down\n";
        }

        location = /status  { keepers_status; }
    }
END

mkdir("$nginx->{dir}/html");
mkdir("$nginx->{dir}/html/once");
spew("$nginx->{dir}/html/ok.txt", "ok\n", 0644);
spew("$nginx->{dir}/html/once/ok.txt", "ok\n", 0644);

my $url = $nginx->{url};
my $ua = ua();

sub get { return $ua->get("$url/$_[0]")->res }

sub codes {
    my ($path, $n) = @_;

    return join(' ', map { get($path)->code } 1 .. $n);
}

sub value {
    my ($name) = @_;
    my ($n) = get('status')->body =~ /^\Q$name\E (\d+)$/m;

    return $n;
}

# Calls of the script; Redis has pings of its own to answer.
sub decisions { return redis_cli($redis, 'info', 'commandstats')
                       =~ /^cmdstat_evalsha:calls=(\d+)/m ? $1 : 0 }

ok(wait_for { value('keepers_redis_ready') }, 'Redis is ready');


# Exactly the burst

is(codes('five?who=a', 7), '200 200 200 200 200 429 429',
   'a burst is N when nothing is said');
is(codes('five?who=b', 1), '200', 'another key has its own');
is(codes('burst?who=a', 4), '200 200 200 429', 'burst= is exact');
is(codes('five', 7), join(' ', (200) x 7), 'an empty key has no limit');


# The refusal

my $res = get('five?who=a');

is($res->code, 429, 'refused');
is($res->headers->content_type, 'application/problem+json', 'as a problem');
is(decode_json($res->body)->{code}, 'rate_limited', 'that names its reason');
like($res->headers->header('Retry-After'), qr/^7[1-9][0-9]$/,
     'it says when, rounded up');

get('quick?who=a');
$res = get('quick?who=a');
is($res->headers->header('Retry-After'), 1, 'half a second becomes one');
ok(wait_for { get('quick?who=a')->code == 200 }, 'and then one is admitted');


# envoyproxy/ratelimit#430, envoyproxy/ratelimit#443: others were charged although
# one refused.
# All rules or none

is(codes('both?who=c', 4), '200 200 429 429', 'the narrower rule decides');

is(get('wide?who=c&cost=98')->code, 200,
   'what it refused cost nothing in the wider one');
is(get('wide?who=c&cost=1')->code, 429, 'what it admitted did');


# Costs

is(codes('cost?who=d&cost=4', 3), '200 200 429', 'a cost is charged whole');
is(get('cost?who=d&cost=2')->code, 200, 'a smaller one may still pass');
is(codes('cost?who=e&cost=0', 12), join(' ', (200) x 12), 'zero only looks');
is(get('cost?who=e&cost=10')->code, 200, 'and has cost nothing');
is(get('cost?who=f&cost=1000')->code, 200, 'a cost is at most the burst');
is(get('cost?who=f&cost=1')->code, 429, 'and takes all of it');
is(codes('cost?who=g&cost=x', 11), join(' ', (200) x 10, 429),
   'what is no number costs one');


# Shadow

is(codes('shadow?who=h', 4), '200 200 200 200', 'a shadow refuses nobody');
cmp_ok(value('keepers_limits_total{verdict="shadow"}'), '==', 2,
       'but counts whom it would');


# One request, one charge

is(codes('once/?who=i', 5), '200 200 200 200 429',
   'internal redirects of an index are not charged');
is(codes('page?who=j', 5), '200 200 200 429 429',
   'an error page of a refusal is served, not refused');
is(get('page?who=j')->body, "slow down\n", 'and it is that of the host');


# Who goes on asking

my $before = decisions();

is(codes('five?who=a', 50), join(' ', (429) x 50), 'fifty refusals');
is(decisions() - $before, 0, 'cost Redis nothing');


# Nothing in Redis is an address or a name

canary('canary-key-7391');
is(get('five?who=canary-key-7391')->code, 200, 'a key');

my @keys = split(/\n/, redis_cli($redis, '--scan'));

is(join(' ', grep { !/^keepers:\{[\w-]{22}\}:l:[\w-]+$/ } @keys), '',
   'keys are hashes with the name of their rule');
is(join(' ', grep { /\{(.*)\}/ && decode_base64url($1) =~ /canary|five/ } @keys),
   '', 'of all that they are made of');
# -1: never; -2: it has expired since
is(join(' ', grep { redis_cli($redis, 'pttl', $_) == -1 } @keys), '',
   'and all of them expire');


# A rule on the session does not apply without one

is(codes('user', 3), '200 200 200', 'no session, no such limit');
is(codes('mixed?who=n', 2), '200 429',
   'but it does where its key has something else, and no session is looked up');


# Without Redis

is(codes('refused?who=k', 3), '200 200 429', 'refused by Redis');
kill_hard($redis);
ok(wait_for { !value('keepers_redis_ready') }, 'Redis is gone');

is(codes('down?who=l', 6), '200 200 200 200 429 429',
   'the shared zone admits the burst and no more');
is(get('refused?who=k')->code, 429,
   'and who was refused before does not start anew');
cmp_ok(value('keepers_limits_total{verdict="degraded"}'), '>=', 4,
       'it is counted');

restart($redis);
ok(wait_for { value('keepers_redis_ready') }, 'Redis is back');
is(codes('down?who=m', 5), '200 200 200 200 429', 'and decides again');


# $keepers_limit

my $log = slurp("$nginx->{dir}/limit.log");

is(join(' ', grep { $log !~ m{^/\Q$_\E$}m }
            'five?who=a passed', 'five?who=a limited', 'shadow?who=h shadow',
            'down?who=l degraded', 'down?who=l limited'), '',
   'the log says what each limit did');


# Configuration

sub refused {
    my ($rules, $limits, $words, $name) = @_;
    my ($status, $said) = nginx_test(<<"END");
        keepers_zone      2m;
        keepers_key_file  %%KEYS%%/edge.keys;
        keepers_redis     unix:%%REDIS%%;
        $rules
        server { listen 127.0.0.1:1; location / { $limits } }
END

    ok($status != 0 && $said =~ $words, $name) or diag($said);
}

my $rule = 'keepers_limit_rule r key=$uri rate=1/s';

refused('', 'keepers_limit nobody;', qr/"nobody"/, 'an unknown rule');
refused("$rule; $rule;", '', qr/"r" stands twice/, 'a repeated rule');
refused("$rule;", 'keepers_limit r; keepers_limit r;', qr/"r" stands twice/,
        'a repeated limit');
refused("$rule count=some;", '', qr/"some"/, 'another count');
refused("$rule mode=off;", '', qr/"off"/, 'another mode');
refused("$rule burst=0;", '', qr/burst "0"/, 'no burst');
refused("$rule rate=2/s;", '', qr/repeated parameter/, 'a repeated parameter');
refused("$rule limit=1;", '', qr/invalid parameter "limit=1"/,
        'an unknown parameter');
refused('keepers_limit_rule r key=$uri rate=1;', '', qr/"1".*as in/,
        'a rate without a period');
refused('keepers_limit_rule r key=$uri rate=9000000/s;', '', qr/out of range/,
        'a rate beyond the clock');
refused('keepers_limit_rule r rate=1/s;', '', qr/needs key=/, 'no key');
refused('keepers_limit_rule r key=$uri;', '', qr/needs key= and rate=/,
        'no rate');
refused('keepers_limit_rule r:r key=$uri rate=1/s;', '', qr/letters, digits/,
        'a name that is no part of a Redis key');
refused("$rule;", 'keepers_limit r price=2;', qr/"price=2"/,
        'an unknown parameter of a limit');

# A POST, or what is none; but a host's own variable of that name is the host's.
subtest 'limits by the method' => sub {
    my $rules = 'keepers_limit_rule %s key=all if=$keepers_%s rate=1/d '
                . 'burst=1;';
    my $methods = sub {
        my ($prefix, $map) = @_;
        my $host = start_nginx($http . $map . join('', map {
            sprintf $rules, "$prefix$_", $_ } qw(post reading)) . <<"END");
    server {
        listen 127.0.0.1:%%PORT%%;

        location = /post    { keepers_limit ${prefix}post;
                              error_page 405 =200 /ok.txt; }
        location = /reading { keepers_limit ${prefix}reading;
                              error_page 405 =200 /ok.txt; }
    }
END
        my $code = sub {
            my ($method, $path) = @_;

            return ua()->start(ua()->build_tx($method => "$host->{url}$path"))
                       ->res->code == 429 ? 'no' : 'yes';
        };

        return join(' ', map { my $path = $_;
                               map { $code->($_, "/$path") }
                                   qw(POST GET POST GET PUT PUT) }
                         qw(post reading));
    };

    is($methods->('m_', ''), 'yes yes no yes yes yes yes yes yes no no no',
       'ours');
    is($methods->('n_', 'map $request_method $keepers_post '
                        . '{ default 0; PUT 1; }'),
       'yes yes yes yes yes no yes yes yes no no no', 'and another');
};

done_testing();
