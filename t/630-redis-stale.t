#!/usr/bin/perl

# Copyright (C) Keepers

# While Redis is lost, a session that was valid a moment ago opens what says
# "stale=time", and nothing else, whatever way leads there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use List::Util qw(sum);
use Mojo::JSON qw(decode_json);
use Test::More;


my $p = start_platform();
my $password = "$p->{dir}/keys/redis-edge.password";

my $nginx = start_nginx(<<"END" . <<'END');
    keepers_zone                   2m;
    keepers_key_file               $p->{dir}/keys/edge.keys;
    keepers_redis                  unix:$p->{redis_socket} user=edge
                                   password_file=$password;
    keepers_redis_timeout          1s;
    keepers_session_cookie         keepers insecure;
    keepers_session_cache          0;
END
    server {
        listen 127.0.0.1:%%PORT%%;
        root   %%DIR%%/html;
        ssi    on;

        location /deny/ {
            keepers_session required;
        }

        location /stale/ {
            keepers_session       required;
            keepers_session_error stale=5m;
            add_header            X-Session $keepers_session;
        }

        location = /hop/stale {
            keepers_session       required;
            keepers_session_error stale=5m;
            try_files             /none /stale/index.html;
        }

        location = /hop/deny {
            keepers_session       required;
            keepers_session_error stale=5m;
            try_files             /none /deny/index.html;
        }

        location = /hop/off {
            keepers_session       required;
            keepers_session_error stale=5m;
            try_files             /none /off;
        }

        location = /off {
            return 200 "[$keepers_user]";
        }

        location = /status {
            keepers_status json;
        }
    }
END

mkdir("$nginx->{dir}/html");

mkdir("$nginx->{dir}/html/$_") for qw(deny stale);

for my $place (qw(deny stale)) {
    spew("$nginx->{dir}/html/$place/index.html", 'MARKER', 0644);
    spew("$nginx->{dir}/html/stale/$place.html",
         "A<!--#include virtual=\"/$place/index.html\" -->B", 0644);
}

my $requests = 0;
my $token = token();


sub token {
    my ($value) = map { $_->value } grep { $_->name eq 'keepers' }
                  @{sign_in($p)->cookie_jar->all};
    return $value;
}


sub get {
    my ($path, $value) = @_;

    $requests++;

    return ua()->get("$nginx->{url}$path"
                     => { Cookie => 'keepers=' . ($value // $token) })->res;
}


sub counters {
    return decode_json(ua()->get("$nginx->{url}/status")->res->body)
           ->{keepers_session_checks_total};
}


sub checks { return sum(values(%{counters()})) }


for my $path (qw(/deny/ /stale/ /hop/stale /hop/deny)) {
    like(get($path)->body, qr/MARKER/, "$path with Redis");
}

like(get('/hop/off')->body, qr/^\[[0-9a-f-]{36}\]$/, 'a user with Redis');
like(get("/stale/$_.html")->body, qr/AMARKERB/, "$_ as a part of another")
    for qw(deny stale);

# a session that will end on its own while Redis is away
my $lifetime = "keepers_session_idle 2s;\nkeepers_session_absolute 2s;\n";
my $conf = "$p->{dir}/conf/keepers.conf";

spew($conf, slurp($conf) . $lifetime, 0644);
reload($p->{nginx});

my $short;
ok(wait_for { get('/stale/', $short = token())->code == 200 }, 'a short one');

kill_hard($p->{redis});

my $was = counters();
my $stale = get('/stale/');
is($stale->code, 200, 'an outage: what was valid is let in');
is(counters()->{'state=stale'} - $was->{'state=stale'}, 1, 'which is counted');
is(counters()->{'state=valid'}, $was->{'state=valid'}, 'and as nothing else');
is($stale->headers->header('X-Session'), 'stale', 'as stale');
is(get('/deny/')->code, 503, 'where nothing is said it is a 503');
is(get('/deny/index.html')->code, 503, 'nor is its page shown by its name');
is(get('/hop/stale')->code, 200, 'a redirect to where it is let in');

my $hop = get('/hop/deny');
is($hop->code, 503, 'a redirect to where it is not');
unlike($hop->body, qr/MARKER/, 'does not show the page');

is(get('/hop/off')->body, '[]', 'nobody is named to those who do not ask');
like(get('/stale/stale.html')->body, qr/AMARKERB/, 'a part that is let in');
unlike(get('/stale/deny.html')->body, qr/MARKER/, 'a part that is not');

is(get('/stale/', 'v1.' . 'A' x 54)->code, 503, 'a token that nobody knows');
ok(wait_for { get('/stale/', $short)->code == 503 },
   'an end that needs no Redis is one');
is(get('/stale/')->code, 200, 'and nobody else\'s');

is(checks(), $requests, 'each request is counted once');

done_testing();
