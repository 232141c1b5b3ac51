#!/usr/bin/perl

# Copyright (C) Keepers

# A machine gets in with a token that its owner made, with what that token may
# do and no more; beside a cookie it is refused, junk costs Redis nothing, and
# no application, log, page or store sees it.  (How it ends: 155.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Mojo::JSON qw(decode_json);
use Mojo::Util qw(b64_decode);
use Test::More;
use Time::HiRes qw(sleep);


my $p = start_platform(limits => 'off');

my $upstream = start_nginx(<<'END');
    server {
        listen 127.0.0.1:%%PORT%%;

        location / {
            return 200 "auth=[$http_authorization] id=[$http_keepers_identity]";
        }
    }
END

my $node = start_nginx((<<"HEAD" . <<'END') =~ s/UPSTREAM/$upstream->{url}/gr);
    keepers_zone            2m;
    keepers_key_file        $p->{dir}/keys/edge.keys;
    keepers_redis           unix:$p->{redis_socket} user=edge
                            password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout   1s;
    keepers_session_cookie  keepers insecure;
HEAD
    keepers_session_cache  20s;
    keepers_limit_rule     own key=$keepers_user$keepers_token rate=1/h burst=2;

    log_format tokens '$status s=$keepers_session u=$keepers_user '
                      'r=$keepers_role o=$keepers_scopes i=$keepers_token '
                      'c=$keepers_cache '
                      'w=$keepers_reason t=$keepers_csrf_token '
                      'a=$http_authorization';

    server {
        listen 127.0.0.1:%%PORT%%;
        listen unix:%%DIR%%/h2.sock http2;

        access_log  %%DIR%%/tokens.log tokens;

        location /page {
            keepers_session     required;
            keepers_signin_url  /signin;
            alias               %%DIR%%/html/page;
        }

        location /app {
            keepers_session   required;
            proxy_pass        UPSTREAM;
            proxy_set_header  Keepers-Identity $keepers_identity;
        }

        location /open {
            proxy_pass  UPSTREAM;
        }

        location /people {
            keepers_session  required role=owner,manager,staff,auditor;
            alias            %%DIR%%/html/page;
        }

        location /machines {
            keepers_session  required role=machine;
            alias            %%DIR%%/html/page;
        }

        location /limited {
            keepers_session  required;
            keepers_limit    own;
            alias            %%DIR%%/html/page;
        }

        location /strong {
            keepers_session  required aal=2;
            alias            %%DIR%%/html/page;
        }

        location /fresh {
            keepers_session  required fresh=365d;
            alias            %%DIR%%/html/page;
        }

        location /optional {
            keepers_session  optional;
            alias            %%DIR%%/html/page;
        }

        location /basic {
            auth_basic            "app";
            auth_basic_user_file  %%DIR%%/html/users;
            alias                 %%DIR%%/html/page;
        }

        location /any {
            satisfy               any;
            keepers_session       required;
            auth_basic            "app";
            auth_basic_user_file  %%DIR%%/html/users;
            alias                 %%DIR%%/html/page;
        }

        location /outer {
            ssi        on;
            ssi_types  text/plain;
            alias      %%DIR%%/html/outer;
        }

        location /outer-in {
            keepers_session  required;
            ssi              on;
            ssi_types        text/plain;
            alias            %%DIR%%/html/outer;
        }

    }

    server {
        listen      unix:%%DIR%%/early.sock;
        error_page  400 /early;

        location /early {
            proxy_pass  UPSTREAM;
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
END

mkdir("$node->{dir}/html");
spew("$node->{dir}/html/page", "PROTECTED\n", 0644);
spew("$node->{dir}/html/outer", "<!--# include virtual=\"/page\" -->\n", 0644);
spew("$node->{dir}/html/users", "app:{PLAIN}pass\n", 0644);

my $ua = ua();
my $owner = sign_in($p);


sub soon(&$) {
    my ($true, $name) = @_;

    return ok(&wait_for($true), $name);
}


sub made {
    my ($by, $scopes) = @_;
    my $tx = $by->post("$p->{url}/api/v1/tokens" => { Origin => $p->{url} },
                       json => { name => 'Till', scopes => $scopes });
    my $token = $tx->res->json;

    is($tx->res->code, 201, "a token is made: $scopes");
    canary(substr($token->{token}, 15, 20));
    soon { get('/page', bearer($token))->code == 200 } 'and works';
    return $token;
}


sub bearer { return { Authorization => "Bearer $_[0]{token}" } }


sub get {
    my ($path, $headers) = @_;

    return $ua->get("$node->{url}$path", { Host => $path =~ s{/}{}r,
                                           %{$headers // {}} })->res;
}


sub api {
    my ($method, $path, $token, @body) = @_;

    return $ua->start($ua->build_tx($method => "$p->{url}/api/v1/$path",
                                    bearer($token), @body))->res;
}


sub listed {
    my ($by) = @_;

    return $by->get("$p->{url}/api/v1/tokens")->res->json->{items};
}


sub asked {
    my $stats = redis_cli($p->{redis}, 'INFO', 'commandstats');

    return $stats =~ /cmdstat_mget:calls=(\d+)/ ? $1 : 0;
}


sub base64 { return b64_decode($_[0] =~ tr{-_}{+/}r) }


# --- it is made, shown once, and works

my $reader = made($owner, 'customers.read');
my $text = $reader->{token};

like($text, qr/^kp_[0-9A-Za-z]{60}$/, 'a token has its form');
is($reader->{prefix}, substr($text, 0, 11), 'its beginning is named');
like($reader->{expires}, qr/^20\d\d-\d\d-\d\dT/, 'it expires');
is(get('/page', bearer($reader))->body, "PROTECTED\n", 'the protected page');

# TeslaGov#134: only "Bearer" was a scheme.
for my $scheme ('bearer', 'BEARER', 'BeArEr', 'Bearer  ', "Bearer \t") {
    is(get('/page', { Authorization => "$scheme $text" })->code, 200,
       'the scheme may be "' . ($scheme =~ s/\t/\\t/r) . '"');
}

like(slurp("$node->{dir}/tokens.log"),
     qr/^200 s=valid u=[0-9a-f-]{36} r=machine o=customers\.read i=$reader->{id} c=hit w= t= a=-$/m,
     'the variables say who it is, and what it may do');

my ($shown) = @{listed($owner)};
is($shown->{name}, 'Till', 'the list has its name');
is($shown->{scopes}, 'customers.read', 'and its scopes');
is($shown->{id}, $reader->{id}, 'and its id');
ok(!exists $shown->{token}, 'but not the token');


# --- what reaches an application

my $body = get('/app', bearer($reader))->body;
like($body, qr/auth=\[\]/, 'the application does not get it');

my ($payload) = $body =~ /id=\[[^.]+\.([^.]+)\./;
my $claims = decode_json(base64($payload));
is($claims->{role}, 'machine', 'but an identity: a machine');
is($claims->{scope}, 'customers.read', 'with its scopes');
is($claims->{aal}, 1, 'and one factor');

like(get('/open', bearer($reader))->body, qr/auth=\[\]/,
     'nor does one where no session is asked for');
like(get('/open', { Authorization => "Bearer ${text}x" })->body,
     qr/auth=\[\]/, 'nor one with a slip');

for my $other ('Basic YXBwOnBhc3M=', 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x',
               'Bearer', 'Token kp_1', 'Bearerkp_1', 'kp_1', 'Digest x="1"',
               'Bearer kP_1')
{
    like(get('/open', { Authorization => $other })->body,
         qr/auth=\[\Q$other\E\]/, "'$other' is the application's");
}

# (nginx itself logs a header that it refuses: no real token)
my $early = qx(curl -s --max-time 5 --unix-socket '$node->{dir}/early.sock' -H 'Authorization: Bearer kp_1' -H 'Authorization: Bearer kp_2' http://a/);
like($early, qr/auth=\[\]/, 'nor where nginx refuses and a page has an upstream');

is(get('/basic', { Authorization => 'Basic YXBwOnBhc3M=' })->code, 200,
   'and Basic still works');
is(get('/page', { Authorization => 'Basic YXBwOnBhc3M=' })->code, 401,
   'Basic is no session');
is(get('/basic', bearer($reader))->code, 401, 'a token is no password');
is(get('/any', { Authorization => 'Basic YXBwOnBhc3M=' })->code, 200,
   '"satisfy any": one door');

my $any = get('/any', bearer($reader));
is($any->code, 200, '"satisfy any": the other');
is($any->headers->www_authenticate, undef, 'and no challenge is left');


# --- what it may not do

is(get('/people', bearer($reader))->code, 403, 'a location for people');
is(get('/people', bearer($reader))->json->{code}, 'role', 'says so');
is(get('/machines', bearer($reader))->code, 200, 'a location for machines');
is(get('/strong', bearer($reader))->code, 403, 'it has no second factor');
is(get('/fresh', bearer($reader))->code, 403, 'and never signs in');
is(get('/optional', bearer($reader))->code, 200, 'optional');
is(get('/outer', bearer($reader))->code, 200, 'a page with a subrequest');
unlike(get('/outer', bearer($reader))->body, qr/PROTECTED/,
       'a subrequest opens nothing that the request did not prove');
like(get('/outer-in', bearer($reader))->body, qr/PROTECTED/,
     'what it proved counts in a subrequest');
allow_log(qr/subrequest into a protected location was refused/);

my $nobody = 'customers/019a0000-0000-7000-8000-000000000000';

is($ua->post($p->{link2_url} => { 'Idempotency-Key' => "token-$$" },
             json => { name => 'Ana', email => canary('ana@canary.example') })
   ->res->code, 202, 'a customer joins');
is(api(GET => 'customers', $reader)->code, 200, 'it reads customers');
is(api(GET => 'customers', $reader)->json->{items}[0]{email},
   'ana@canary.example', 'as the owner does');
is(api(GET => 'links', $reader)->code, 403, 'no links');
is(api(GET => 'links', $reader)->json->{code}, 'scope', 'and is told why');
is(api(GET => 'audit', $reader)->code, 403, 'not the audit log');
is(api(GET => 'summary', $reader)->code, 403, 'not whose it is');
is(api(DELETE => $nobody, $reader)->code, 403, 'it erases nobody');

my $other = made($owner, 'links.write links.read customers.write audit.read');

is($other->{scopes}, 'customers.write links.read links.write audit.read',
   'scopes have an order');
is(api(POST => 'links/corner-coffee/close', $other)->code, 204,
   'one that may changes a link, without any mark of a browser');
is(api(POST => 'links/corner-coffee/open', $other)->code, 204, 'and back');
is(api(GET => 'customers', $other)->code, 403, 'but reads no customer');
is(api(DELETE => $nobody, $other)->code, 404, 'erasing is in its scope');

my @audit = @{api(GET => 'audit', $other)->json->{items}};
is(scalar(grep { $_->{who} eq "token:$other->{id}"
                 && $_->{what} eq 'link.closed' } @audit), 1,
   'the audit log names the token that did it');
is(scalar(grep { $_->{subject} eq $other->{id}
                 && $_->{what} eq 'token.created' } @audit), 1,
   'and its making');

for my $token ($reader, $other) {
    is(api(GET => 'tokens', $token)->code, 403, 'no token sees tokens');
    is(api(POST => 'tokens', $token,
           json => { name => 'X', scopes => 'audit.read' })->code, 403,
       'none makes one');
    is(api(DELETE => "tokens/$reader->{id}", $token)->code, 403,
       'none ends one');
    is(api($_->[0], $_->[1], $token)->code, 403, "none $_->[0] $_->[1]")
        for ['GET', 'sessions'], ['DELETE', 'sessions'],
            ['DELETE', 'sessions/all'];
    is($ua->post("$p->{url}/signout", bearer($token))->res->code, 403,
       'none signs anyone out');
}

is($owner->get("$p->{url}/api/v1/sessions")->res->code, 200,
   'the owner is still signed in');


# --- who makes one, and of what

for my $bad ([{ scopes => 'customers.read' }, 'name'],
             [{ name => '', scopes => 'customers.read' }, 'name'],
             [{ name => 'a' x 61, scopes => 'customers.read' }, 'name'],
             [{ name => "a\x{202e}b", scopes => 'customers.read' }, 'name'],
             [{ name => 'a' }, 'scopes'],
             [{ name => 'a', scopes => 'root' }, 'scopes'],
             [{ name => 'a', scopes => 'links.read links.read' }, 'scopes'],
             [{ name => 'a', scopes => 'links.read ' . 'x' x 500 }, 'scopes'],
             [{ name => 'a', scopes => 'links.read', days => '0' }, 'days'],
             [{ name => 'a', scopes => 'links.read', days => '367' }, 'days'],
             [{ name => 'a', scopes => 'links.read', days => '-1' }, 'days'])
{
    my $res = $owner->post("$p->{url}/api/v1/tokens"
                           => { Origin => $p->{url} }, json => $bad->[0])->res;
    is($res->code, 422, "refused: $bad->[1]");
    is($res->json->{errors}[0]{field}, $bad->[1], 'and named');
}

my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
               @{$owner->cookie_jar->all};

is($ua->post("$p->{url}/api/v1/tokens" => { Cookie => "keepers=$cookie" },
             json => { name => 'a', scopes => 'links.read' })->res->code, 403,
   'a person needs the mark of the browser still');

my ($business) = slurp("$p->{dir}/owner.env") =~ /^BUSINESS=(.*)/m;

is((operator($p, "canary-manager-1\n", qw(account add --role manager
             --business-id), $business, '--email',
             'manager@canary.example'))[0], 0, 'a manager');
is(sign_in($p, 'manager@canary.example', 'canary-manager-1')
   ->get("$p->{url}/api/v1/tokens")->res->code, 403, 'sees no tokens');
isnt((operator($p, "canary-robot-1\n", qw(account add --role machine
               --business-id), $business, '--email',
               'robot@canary.example'))[0], 0, 'no account is a machine');


# --- a program that runs wild locks nobody out

is(join(' ', map { get('/limited', bearer($reader))->code } 1 .. 3),
   '200 200 429', 'a token has a budget');
is(get('/limited', bearer($other))->code, 200, 'another token its own');
is(get('/limited', { Cookie => "keepers=$cookie" })->code, 200,
   'and who made both hers');


# --- two proofs are none

is(get('/page', { Cookie => "keepers=$reader->{token}" })->code, 401,
   'a token is none in a cookie');
is(get('/page', { 'X-Authorization' => "Bearer $reader->{token}" })->code, 401,
   'nor in another header');

for my $path ('/page', '/app', '/optional', '/people') {
    my $both = get($path, { %{bearer($reader)}, Cookie => "keepers=$cookie" });

    is($both->code, 400, "$path: cookie and token together");
    is($both->json->{code}, 'cookie_and_token', 'are told so');
}

is(get('/page', { %{bearer($reader)}, Cookie => 'keepers=old' })->code, 400,
   'even an old cookie');
is(get('/page', { %{bearer($reader)}, Cookie => 'other=1' })->code, 200,
   "another's cookie is not ours");


# --- junk costs Redis nothing

my $before = asked();

my @slips = map {
    my $slip = $text;
    substr($slip, $_, 1) =~ tr/0-9A-Za-z/1-9A-Za-z0/;
    $slip
} (3, 10, 40, 56, 57, 62);

for my $junk (@slips, substr($text, 0, 62), "${text}0", 'kp_',
              'kp_' . '0' x 60, 'kp_' . 'z' x 60, lc($text),
              'kp_' . '-' x 60, 'kp_' . '0' x 5000)
{
    my $res = get('/page', { Authorization => "Bearer $junk",
                             Accept => 'text/html',
                             'Sec-Fetch-Mode' => 'navigate' });
    is($res->code, 401, 'junk is refused, and sent to no page');
    is($res->headers->www_authenticate, 'Bearer error="invalid_token"',
       'as RFC 6750 says');
}

is(asked(), $before, 'and Redis was not asked');


# --- HTTP/2

is(qx(curl -s --http2-prior-knowledge --max-time 5 --unix-socket '$node->{dir}/h2.sock' -H 'authorization: bearer $text' http://a/page),
   "PROTECTED\n", 'HTTP/2 too');


# --- another business

my ($status, $words) = operator($p, "canary-other-1\n", qw(account add
    --role owner --business Other --email other.owner@canary.example));
is($status, 0, 'another business') or diag($words);

my $stranger = sign_in($p, 'other.owner@canary.example', 'canary-other-1');

is($stranger->delete("$p->{url}/api/v1/tokens/$reader->{id}"
                     => { Origin => $p->{url} })->res->code, 404,
   'does not end our token');
is_deeply(listed($stranger), [], 'nor sees it');

my $theirs = made($stranger, 'customers.read links.write');

is(api(GET => 'customers', $theirs)->code, 200,
   'its token reads its customers');
is_deeply(api(GET => 'customers', $theirs)->json->{items}, [], 'of its own');
is(api(POST => 'links/corner-coffee/close', $theirs)->code, 404,
   'and does not know our link');


# --- what the stores have

my @keys = split(/\n/, redis_cli($p->{redis}, 'KEYS', '*'));
my @records = grep { /:t:/ } @keys;
my $dump = join("\n", @keys, map { redis_cli($p->{redis}, 'GET', $_) }
                                 @records);
my $database = join('', map { -e $_ ? slurp($_) : () }
                            $p->{database}, "$p->{database}-wal");

is(scalar(@records), 3, 'Redis has a record of each');
like($database, qr/\Q$reader->{prefix}\E/, 'the database has what is listed');

for my $token ($reader, $other, $theirs) {
    my $secret = substr($token->{token}, 11);

    unlike($dump, qr/\Q$secret\E/, 'Redis has no token');
    unlike($database, qr/\Q$secret\E/, 'nor has the database');
}

unlike($dump, qr/machine|customers/, 'nor what it may do, in the clear');

my ($hour, $now) = (redis_cli($p->{redis}, 'ZRANGE', 'keepers:tokens:used', 0,
                              0, 'WITHSCORES') =~ /\n(\d+)\z/,
                    int(time() / 3600));
ok($hour == $now || $hour == $now - 1, 'its use is noted, to the hour');

my $hash = sql($p, "SELECT hex(hash) FROM tokens WHERE shown = "
                   . "'$reader->{prefix}'");
my ($mine) = grep { /:t:(.*)/ && uc(unpack('H*', base64($1))) eq $hash }
             @records;
my ($not_mine) = grep { $_ ne $mine } @records;
my $left_ms = redis_cli($p->{redis}, 'PTTL', $mine);

cmp_ok($left_ms, '>', 89 * 86400000, 'a record lives as long as its token:');
cmp_ok($left_ms, '<=', 90 * 86400000, 'longer than 32 bits of milliseconds');


# A record that stands where another belongs.  "None" is believed for a second.
sub instead {
    my ($place, $from, $name, $headers) = @_;

    redis_cli($p->{redis}, 'RENAME', $place, 'keepers:aside');
    redis_cli($p->{redis}, 'COPY', $from, $place);
    is(get('/asked', $headers)->code, 401, "$name is no proof");
    redis_cli($p->{redis}, 'DEL', $place);
    redis_cli($p->{redis}, 'RENAME', 'keepers:aside', $place);
    soon { get('/asked', $headers)->code == 200 } 'its own is';
    return;
}


my $by_cookie = { Cookie => "keepers=$cookie" };
my ($session) = grep {
    my $key = $_;
    /:s:/ && do {
        redis_cli($p->{redis}, 'RENAME', $key, 'keepers:aside');
        my $gone = get('/asked', $by_cookie)->code == 401;
        redis_cli($p->{redis}, 'RENAME', 'keepers:aside', $key);
        $gone
    }
} @keys;

soon { get('/asked', $by_cookie)->code == 200 } 'a session';

instead($mine, $not_mine, 'the record of another token', bearer($reader));
instead($mine, $session, 'the record of a session', bearer($reader));
instead($session, $mine, 'the record of a token', $by_cookie);
allow_log(qr/record in Redis does not open/);

done_testing();
