#!/usr/bin/perl

# Copyright (C) Keepers

# What the histograms say of time is what it took: a command that Redis answers
# late, a session whose end is heard late.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::FakeRedis;
use Keepers::Test;
use MIME::Base64 qw(encode_base64url);
use Test::More;


my $p = start_platform(limits => 'off');
my $dir = work_dir();
my $fake = Keepers::FakeRedis->new(listen => "$dir/fake.sock",
                                   real => $p->{redis_socket});

my $nginx = start_nginx(<<"END" . <<'END');
    keepers_zone                   2m;
    keepers_key_file               $p->{dir}/keys/edge.keys;
    keepers_redis                  unix:$dir/fake.sock user=edge
                                   password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout          10s;
    keepers_redis_connect_timeout  10s;
    keepers_session_cookie         keepers insecure;
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location = /page {
            keepers_session required;
            alias           %%DIR%%/html/page;
        }

        location = /signout {
            keepers_session optional;
            keepers_signout;
        }

        location = /status {
            keepers_status prometheus;
        }
    }
END

mkdir("$nginx->{dir}/html");
spew("$nginx->{dir}/html/page", 'MARKER', 0644);

my $asked = 0;


sub code {
    my ($token) = @_;

    return ua()->get("$nginx->{url}/page", { Cookie => "keepers=$token" })
        ->res->code;
}


# One that Redis is asked about, and does not know.
sub stranger {
    return code('v1.' . encode_base64url(sprintf('%040d', ++$asked)));
}


# le => how many, sum => seconds, count => how many.
sub histogram {
    my ($name) = @_;
    my $text = ua()->get("$nginx->{url}/status")->res->body;
    my %h = $text =~ /^\Q$name\E_bucket\{le="([^"]+)"\} (\d+)$/mg;

    ($h{sum}) = $text =~ /^\Q$name\E_sum (\S+)$/m;
    ($h{count}) = $text =~ /^\Q$name\E_count (\d+)$/m;
    return \%h;
}


# What has come since: by the bound of its own bucket, with sum and count.
sub since {
    my ($before, $after) = @_;
    my @bounds = sort { $a <=> $b } grep { /^[\d.]+$/ } keys %$after;
    my $below = 0;
    my %new = map { $_ => $after->{$_} - $before->{$_} } qw(sum count);

    for my $bound (@bounds, '+Inf') {
        my $n = $after->{$bound} - $before->{$bound};

        $new{$bound} = $n - $below;
        $below = $n;
    }

    return \%new;
}


# The buckets say between what the sum must be; a measure is whole milliseconds,
# cut off, so that each may be one less.
sub agrees {
    my ($new, $why) = @_;
    my @bounds = sort { $a <=> $b } grep { /^[\d.]+$/ } keys %$new;
    my ($low, $high, $n, $from) = (0, 0, 0, 0);

    for my $bound (@bounds, '+Inf') {
        $low += $from * $new->{$bound};
        $high += ($bound eq '+Inf' ? 60 : $bound) * $new->{$bound};
        $n += $new->{$bound};
        $from = $bound;
    }

    is($n, $new->{count}, "$why: the count is that of all buckets");
    cmp_ok($new->{sum}, '>=', $low - 0.001 * $n, "$why: the sum is not less");
    cmp_ok($new->{sum}, '<=', $high + 0.001, "$why: nor more");
    return;
}


ok((wait_for { stranger() == 401 }), 'Redis is asked');

# else the greetings of another connection are measured with the rest
ok((wait_for { ua()->get("$nginx->{url}/status")->res->body
               =~ /^keepers_subscribed 1$/m }), 'and heard, too');

subtest 'a command that is answered late' => sub {
    my $name = 'keepers_redis_seconds';
    my $seen = $fake->seen;
    my $before = histogram($name);

    $fake->mode('slow:0.08');
    is(stranger(), 401, 'answered') for 1 .. 6;
    $fake->mode('right');

    my $new = since($before, histogram($name));
    my $late = 0;

    $late += $new->{$_} for '0.1', '0.25', '1', '+Inf';
    # the worker has questions of its own, and some of them came before it was slow
    cmp_ok($new->{count}, '<=', scalar($fake->seen) - $seen,
           'no more than were asked') or diag(explain($new));
    cmp_ok($late, '>=', 6, 'all six are there');
    cmp_ok($new->{'0.1'}, '>=', 1, 'and 100 at most, if only Redis was slow')
        or diag(explain($new));
    cmp_ok($new->{sum}, '>=', 6 * 0.078, 'together what they took');
    agrees($new, 'late');
};

subtest 'one that is answered at once' => sub {
    my $name = 'keepers_redis_seconds';
    my $before = histogram($name);

    is(stranger(), 401, 'answered') for 1 .. 30;

    my $new = since($before, histogram($name));

    cmp_ok($new->{count}, '>=', 30, 'each is counted');
    cmp_ok($new->{'0.001'} + $new->{'0.002'} + $new->{'0.005'}
           + $new->{'0.01'}, '>=', 10, 'many took next to no time');
    agrees($new, 'at once');
};

subtest 'an end that is heard late' => sub {
    my $name = 'keepers_revocation_seconds';
    my @tokens = map { $_->value } grep { $_->name eq 'keepers' }
                 map { @{sign_in($p)->cookie_jar->all} } 1 .. 6;

    is(code($_), 200, 'a session') for @tokens;
    $fake->mode('late:0.15');

    my $before = histogram($name);
    my $late = sub {
        my $new = since($before, histogram($name));

        return $new->{'0.25'} + $new->{'1'} + $new->{'+Inf'};
    };

    # One after the other, for what is late holds up what comes behind it.  On a
    # machine that stands still the subscription may be lost, and a message; and
    # one that comes with the answer to a PING is not late.
    while (@tokens && $late->() < 3) {
        my $before = $late->();
        my $token = shift(@tokens);

        is(ua()->post("$nginx->{url}/signout"
                      => { Origin => $nginx->{url},
                           Cookie => "keepers=$token" })->res->code, 303,
           'ends') or diag(slurp($nginx->{error_log}));
        wait_for { $late->() > $before } 1.5;
    }

    $fake->mode('right');

    my $new = since($before, histogram($name));

    is($late->(), 3, 'three of more than a tenth of a second')
        or diag(explain($new));
    cmp_ok($new->{'0.25'}, '>=', 1, 'and a quarter at most')
        or diag(explain($new));
    cmp_ok($new->{sum}, '>=', 3 * 0.148, 'together what they took');
    agrees($new, 'heard late');
};

stop($nginx, 'QUIT');
$fake->stop;
done_testing();
