#!/usr/bin/perl

# Copyright (C) Keepers

# A token ends when its owner says so, on all nodes and under a running
# response, when its time is over, and with the password of who made it; a
# Redis that is away, empty or older than it was changes nothing of that.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Keepers::Test;
use Mojo::JSON qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);


my $p = start_platform(limits => 'off');

my $node = start_nginx(<<"HEAD" . <<'END');
    keepers_zone            2m;
    keepers_key_file        $p->{dir}/keys/edge.keys;
    keepers_redis           unix:$p->{redis_socket} user=edge
                            password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout   1s;
    keepers_session_cookie  keepers insecure;
HEAD

    server {
        listen 127.0.0.1:%%PORT%%;

        keepers_session_cache  20s;

        location /page {
            keepers_session  required;
            alias            %%DIR%%/html/page;
        }

        location /big {
            keepers_session  required;
            limit_rate       20k;
            alias            %%DIR%%/html/big;
        }

        location = /status {
            keepers_status  json;
        }
    }

    server {
        listen 127.0.0.1:%%PORT%%;
        server_name  asked;

        keepers_session_cache  0;

        location /asked {
            keepers_session  required;
            alias            %%DIR%%/html/page;
        }
    }

    server {
        listen 127.0.0.1:%%PORT%%;
        server_name  stale;

        keepers_session_cache  0;

        location /stale {
            keepers_session        required;
            keepers_session_error  stale=60s;
            alias                  %%DIR%%/html/page;
        }
    }
END

mkdir("$node->{dir}/html");
spew("$node->{dir}/html/page", "PROTECTED\n", 0644);
truncate(spew("$node->{dir}/html/big", '', 0644), 1 << 24);

my $ua = ua();
my $owner = sign_in($p);


sub soon(&$) {
    my ($true, $name) = @_;

    return ok(&wait_for($true), $name);
}


sub make {
    my ($name, $scopes) = @_;
    my $token = $owner->post("$p->{url}/api/v1/tokens"
                             => { Origin => $p->{url} },
                             json => { name => $name,
                                       scopes => $scopes // 'links.read' })
                ->res->json;

    canary(substr($token->{token}, 15, 20)) if $token->{token};
    return $token;
}


sub end {
    my ($token) = @_;

    return $owner->delete("$p->{url}/api/v1/tokens/$token->{id}"
                          => { Origin => $p->{url} })->res->code;
}


sub code {
    my ($path, $token) = @_;

    return $ua->get("$node->{url}$path", { Host => $path =~ s{/}{}r,
        Authorization => "Bearer $token->{token}" })->res->code // 0;
}


sub listed {
    return { map { $_->{id} => $_ } @{$owner->get("$p->{url}/api/v1/tokens")
                                      ->res->json->{items}} };
}


# --- on another node, that would believe its zone for 20 s

my (@late_s, $early);

for my $round (1 .. 20) {
    my $token = make("Round $round");

    # the first look may come before the record, and is not believed for long
    $early = time();
    wait_for { code('/page', $token) == 200 } or last;
    $early = time() - $early;

    code('/page', $token) == 200 or last;
    end($token) == 204 or last;

    my $since = time();
    while (code('/page', $token) != 401 && time() - $since < 3) {
        sleep(0.002);
    }
    push(@late_s, time() - $since);
}

@late_s = sort { $a <=> $b } @late_s;
is(scalar(@late_s), 20, 'tokens are made, used and ended');
cmp_ok($late_s[-1], '<', 0.25, 'an ended one is refused elsewhere in 250 ms');
cmp_ok($early, '<', 0.5, 'and a new one is not long unknown');
diag(sprintf('a token that was ended, on another node: p50 %.1f ms, worst of '
             . '20 %.1f ms', $late_s[10] * 1000, $late_s[-1] * 1000));

my $kept = make('Kept');
my $gone = make('Gone');

soon { code('/page', $gone) == 200 } 'one more';
is(end($gone), 204, 'it is ended');
is(end($gone), 404, 'and cannot be ended twice');
is(end({ id => '0' x 16 }), 404, 'nor can one that never was');
is_deeply([keys %{listed()}], [$kept->{id}], 'it is listed no more');
soon { code('/page', $gone) == 401 } 'and opens nothing';


# --- it is no person: it has no password, no factor, and gives no proof

my %all = (Authorization => 'Bearer ' . make('All', join(' ', map {
    ("customers.$_", "links.$_") } qw(read write)) . ' audit.read')->{token});

soon { $ua->get("$p->{url}/api/v1/links" => \%all)->res->code == 200 }
    'a token with all scopes';
is($ua->get("$p->{url}/api/v1/factors" => \%all)->res->code, 403,
   'sees no factors');

for my $path ('', qw(/confirm /codes /remove)) {
    is($ua->post("$p->{url}/api/v1/factors/totp$path" => \%all => json => {})
       ->res->code, 403, "nor has it factors/totp$path");
}

for my $path (qw(/step-up /api/v1/password)) {
    my $res = $ua->post("$p->{url}$path" => \%all => json =>
                        { password => $p->{owner_password}, new => 'x' x 12,
                          current => $p->{owner_password} })->res;

    is($res->code, 403, "nor $path");
    is($res->json->{code}, 'role', '... as it says');
    ok(!$res->headers->header('Set-Cookie'), '... without a cookie');
}


# --- under a running response

my $runs = make('Runs');

soon { code('/page', $runs) == 200 } 'a token';

my $socket = IO::Socket::INET->new("127.0.0.1:$node->{port}");
$socket->syswrite("GET /big HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
                  . "$runs->{token}\r\n\r\n");
$socket->sysread(my $some, 65536);
like($some, qr/^HTTP\/1.1 200 /, 'a download runs');
sleep(2);       # Redis was asked for it once, and it is heard from now on

is(end($runs), 204, 'its token is ended');

my $since = time();
local $SIG{ALRM} = sub { die("it goes on\n") };
alarm(10);
eval { 1 while $socket->sysread($some, 65536) };
alarm(0);
cmp_ok(time() - $since, '<', 3, 'and the download with it');
close($socket);


# --- when it was last used

my $hour = int(time() / 3600);
is(listed()->{$kept->{id}}{used}, undef, 'one that nobody used');
soon { code('/page', $kept) == 200 } 'is used';
is(code('/page', $kept), 200, 'again');
like(redis_cli($p->{redis}, 'ZRANGE', 'keepers:tokens:used', 0, -1,
               'WITHSCORES'), qr/^[\w-]{43}\n(?:$hour|@{[$hour + 1]})$/m,
     'the hour is noted, and no more');

# the writer looks once a minute, and when it starts
restart($p->{writer});
soon { (listed()->{$kept->{id}}{used} // '') =~ /T\d\d:00:00/ }
    'the list has it, to the hour';


# --- Redis is empty, away, back

redis_cli($p->{redis}, 'FLUSHALL');
soon { code('/asked', $kept) == 200 } 'a Redis that lost the records gets them';
is(code('/page', $gone), 401, 'but not those that had ended');

is(code('/stale', $kept), 200, 'before the outage');
stop($p->{redis});
is(code('/asked', $kept), 503, 'without Redis a token is late, not refused');
is(code('/stale', $kept), 200, 'where old answers are taken it is served');
soon { code('/stale', $gone) == 503 }
    'one that is not known is not, when "none" is old';

restart($p->{redis});
soon { code('/asked', $kept) == 200 } 'a Redis that is back and empty has it';
allow_log(qr/Redis|redis/);
soon { $owner = eval { sign_in($p) } } 'one can sign in';


# --- Redis is older than it was

my @records = split(/\n/, redis_cli($p->{redis}, 'KEYS', 'keepers:*:t:*'));
my $mark;

# after a restart of Redis it comes behind the records
soon {
    $mark = redis_cli($p->{redis}, 'GET', 'keepers:tokens:mark');
    return $mark =~ /^\d+$/;
} 'Redis knows what it was told';

redis_cli($p->{redis}, 'COPY', $_, "aside:$_") for @records;

my $ended_ms = int(time() * 1000);

is(end($kept), 204, 'the token is ended');
soon { code('/asked', $kept) == 401 } 'and refused';
soon { redis_cli($p->{redis}, 'GET', 'keepers:tokens:mark') >= $ended_ms }
    'and Redis knows that it was told';

my ($record) = grep { redis_cli($p->{redis}, 'EXISTS', $_) eq '0' } @records;

redis_cli($p->{redis}, 'RENAME', "aside:$record", $record);

# again and again: a turn of the writer that has begun ends with its own mark
soon {
    redis_cli($p->{redis}, 'SET', 'keepers:tokens:mark', $mark);
    return redis_cli($p->{redis}, 'EXISTS', $record) eq '0';
} 'a Redis that was set back is told again';

redis_cli($p->{redis}, 'SET', 'keepers:tokens:mark', 'junk');
soon { redis_cli($p->{redis}, 'GET', 'keepers:tokens:mark') =~ /^\d+$/ }
    'a mark that is none stops nobody';

soon { code('/asked', $kept) == 401 } 'and it stays refused';


# --- a sign-in is a person's, and looks at no token

my $guest = make('Guest');
my ($old) = map { $_->value } grep { $_->name eq 'keepers' }
            @{$owner->cookie_jar->all};

soon { code('/asked', $guest) == 200 } 'a token';
is($ua->post("$p->{url}/signin" => { Origin => $p->{url},
    Cookie => "keepers=$old", Authorization => "Bearer $guest->{token}" },
    form => { email => $p->{owner_email}, password => $p->{owner_password} })
   ->res->code, 303, 'a sign-in with an old session and a token');
$ua->cookie_jar->empty;
soon { ua()->get("$node->{url}/asked", { Host => 'asked',
                                         Cookie => "keepers=$old" })
       ->res->code == 401 } 'ends the session, as ever';
is(code('/asked', $guest), 200, 'and leaves the token alone');
$owner = sign_in($p);


# --- signing out is a person's; a new password is everybody's

my $till = make('Till');
my ($business) = slurp("$p->{dir}/owner.env") =~ /^BUSINESS=(.*)/m;

is((operator($p, "canary-second-1\n", qw(account add --role owner
             --business-id), $business, '--email',
             'second@canary.example'))[0], 0, 'a second owner');

my $first = $owner;
$owner = sign_in($p, 'second@canary.example', 'canary-second-1');
my $hers = make('Hers');
$owner = $first;

soon { code('/asked', $till) == 200 && code('/asked', $hers) == 200 } 'two';
is($owner->delete("$p->{url}/api/v1/sessions/all" => { Origin => $p->{url} })
   ->res->code, 204, 'the owner signs out everywhere');
is(code('/asked', $till), 200, 'the machine works on');

is((operator($p, "canary-new-1\n", qw(account password --email),
             $p->{owner_email}))[0], 0, 'the operator sets a new password');
soon { code('/asked', $till) == 401 } 'who had the old one has no token left';
is(code('/asked', $hers), 200, "another's works on");

$owner = sign_in($p, undef, 'canary-new-1');
is_deeply([keys %{listed()}], [$hers->{id}], 'so says the list');


# --- its time is over

is(code('/page', $hers), 200, 'the zone knows it');
stop($p->{writer});
sql($p, 'UPDATE tokens SET changed_ms = changed_ms + 1, expires_ms = '
        . int((time() + 2) * 1000) . " WHERE shown = '$hers->{prefix}'");
restart($p->{writer});
soon { code('/asked', $hers) == 200 } 'it has two more seconds';
soon { code('/asked', $hers) == 401 } 'and ends at its time';
is(code('/page', $hers), 401, 'in the zone as well');


# --- a Redis user of the writer with the rights of an older version

redis_cli($p->{redis}, 'ACL', 'SETUSER', 'writer', 'clearselectors');
restart($p->{writer});

my $older = make('Older');

soon { code('/asked', $older) == 200 } 'tokens work';
is(end($older), 204, 'and end');
soon { code('/asked', $older) == 401 } 'as ever';
is($ua->get("$p->{url}/readyz")->res->code, 200, 'and nothing is amiss');
like(slurp($p->{writer_log}), qr/event=tokens state=use_unknown remedy=/,
     'the writer says that their use is not known');


# --- there is an end to them

make("N $_") for 1 .. 49;
my $many = $owner->post("$p->{url}/api/v1/tokens" => { Origin => $p->{url} },
                        json => { name => 'N', scopes => 'links.read' })->res;
is($many->code, 409, 'a business has at most 50');
is($many->json->{code}, 'too_many', 'and is told so');

done_testing();
