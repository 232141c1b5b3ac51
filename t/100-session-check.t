#!/usr/bin/perl

# Copyright (C) Keepers

# A protected byte is served only to a session that Redis holds, that opens
# under its own key, and that the location lets in.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Mojo::JSON qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep);


my $p = start_platform();

my $common = <<"END";
    keepers_zone            2m;
    keepers_key_file        $p->{dir}/keys/edge.keys;
    keepers_redis           unix:$p->{redis_socket} user=edge
                            password_file=$p->{dir}/keys/redis-edge.password;
    keepers_session_cookie  keepers insecure;
    keepers_session_cache   0;
END

my $upstream = start_nginx(<<'END');
    server {
        listen 127.0.0.1:%%PORT%%;

        location / {
            return 200 "id=$http_keepers_identity role=$http_keepers_role under=$http_keepers_x other=$http_x_other";
        }
    }
END

my $nginx = start_nginx(($common . <<'END') =~ s/UPSTREAM/$upstream->{url}/gr);
    log_format checks '$status $keepers_session $keepers_reason';

    server {
        listen 127.0.0.1:%%PORT%%;

        access_log  %%DIR%%/checks.log checks;

        location /page/ {
            keepers_session     required;
            keepers_signin_url  /signin;
            alias               %%DIR%%/html/;
        }

        location /owner/ {
            keepers_session  required role=owner;
            alias            %%DIR%%/html/;
        }

        location /auditor/ {
            keepers_session  required role=auditor,staff;
            alias            %%DIR%%/html/;
        }

        location /strong/ {
            keepers_session  required aal=2;
            alias            %%DIR%%/html/;
        }

        location = /status {
            keepers_status;
        }

        location /bound/ {
            keepers_session  required bind=net;
            alias            %%DIR%%/html/;
        }

        location /bound-both/ {
            keepers_session  required bind=both;
            alias            %%DIR%%/html/;
        }

        location /fresh/ {
            keepers_session  required fresh=1h;
            alias            %%DIR%%/html/;
        }

        set_real_ip_from  127.0.0.1;
        real_ip_header    X-Client;

        location /optional/ {
            keepers_session  optional;
            add_header       Session $keepers_session;
            add_header       Risk $keepers_session_risk;
            add_header       Csrf $keepers_csrf_token;
            alias            %%DIR%%/html/;
        }

        location /any/ {
            satisfy          any;
            deny             all;
            keepers_session  required;
            alias            %%DIR%%/html/;
        }

        location /any-open/ {
            satisfy             any;
            allow               all;
            keepers_session     required;
            keepers_signin_url  /signin;
            alias               %%DIR%%/html/;
        }

        location /any-optional/ {
            satisfy          any;
            deny             all;
            keepers_session  optional;
            alias            %%DIR%%/html/;
        }

        location /custom/ {
            keepers_session  required;
            error_page       401 = @custom;
            alias            %%DIR%%/html/;
        }

        location @custom {
            return 418 "please come in";
        }

        location /redirected/ {
            keepers_session  required;
            alias            %%DIR%%/html/;
            index            index.html;
        }

        location /ssi/ {
            ssi    on;
            alias  %%DIR%%/ssi/;
        }

        location /echo/ {
            keepers_session  required;
            proxy_pass       UPSTREAM/;
            proxy_set_header Keepers-Identity $keepers_identity;
        }

        location /open-echo/ {
            proxy_pass  UPSTREAM/;
        }

        location = /user {
            keepers_session  required;
            try_files        /none @user;
        }

        location @user {
            return 200 "$keepers_user $keepers_business $keepers_role $keepers_aal";
        }
    }
END

mkdir("$nginx->{dir}/$_") for qw(html ssi);
spew("$nginx->{dir}/html/index.html", 'MARKER of the protected page', 0644);
spew("$nginx->{dir}/ssi/index.html",
     '<p>before</p><!--#include virtual="/page/" --><p>after</p>', 0644);

my $session = sign_in($p);
my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
               @{$session->cookie_jar->all};


sub get {
    my ($path, %header) = @_;

    return ua()->get("$nginx->{url}$path" => \%header)->res;
}


sub session {
    return map { $_->value } grep { $_->name eq 'keepers' }
               @{sign_in($p)->cookie_jar->all};
}


sub forged {
    my ($n) = get('/status')->body =~ /^keepers_sessions_forged_total (\d+)$/m;

    return $n;
}


sub with {
    my ($value) = @_;

    return (Cookie => "a=b; keepers=$value; c=d");
}


like($cookie, qr/^v1\.[\w-]{54}$/, 'a token has 256 bits of chance in it');

subtest 'who is let in' => sub {
    for my $path (qw(page owner fresh any custom redirected)) {
        my $res = get("/$path/", with($cookie));

        is($res->code, 200, "$path with a session");
        like($res->body, qr/MARKER/, "$path is served");
    }

    is(get('/optional/', with($cookie))->headers->header('Session'), 'valid',
       'an optional session is known');
    is(get('/optional/')->headers->header('Session'), 'none',
       'and none is one too');
};

# What the sign-in saw of its client, by way of the platform's own nginx.
subtest 'what has changed since the sign-in' => sub {
    my $risk = sub {
        my (%more) = @_;

        return get('/optional/', with($cookie), %more)->headers
                   ->header('Risk');
    };
    my $phone = 'Mozilla/5.0 (Android 15; Mobile; rv:139.0) Gecko/139.0 '
                . 'Firefox/139.0';

    is($risk->(), 'none', 'nothing');
    is($risk->('X-Client' => '127.0.0.77'), 'none', 'a neighbour is no change');
    is($risk->('X-Client' => '198.51.100.7'), 'net', 'the network');
    is($risk->('X-Client' => '2001:db8::1'), 'net', 'and its family');
    is($risk->('User-Agent' => $phone), 'agent', 'the browser');
    is($risk->('X-Client' => '198.51.100.7', 'User-Agent' => $phone), 'both',
       'both');
    is(get('/optional/')->headers->header('Risk'), undef,
       'without a session there is none');

    is(get('/bound/', with($cookie))->code, 200, 'a bound page is shown');
    is(get('/bound/', with($cookie), 'User-Agent' => $phone)->code, 200,
       'to another browser too');
    is(get('/bound/', with($cookie), 'X-Client' => '198.51.100.7')->code, 401,
       'but not in another network');
    is(decode_json(get('/bound/', with($cookie),
                       'X-Client' => '198.51.100.7')->body)->{code},
       'step_up', 'without a new proof');
    is(get('/bound-both/', with($cookie), 'User-Agent' => $phone)->code, 401,
       'nor, if it is bound to that, to another browser');
    is(get('/bound-both/', with($cookie))->code, 200, 'others see it');
    is(get('/page/', with($cookie), 'X-Client' => '198.51.100.7',
           'User-Agent' => $phone)->code, 200, 'and nobody is sent away');
};

subtest 'who is not' => sub {
    my $forged = $cookie;
    my $other = $cookie;

    substr($forged, -1) = substr($cookie, -1) eq 'A' ? 'Q' : 'A';
    substr($other, 3, 1) = substr($cookie, 3, 1) eq 'A' ? 'B' : 'A';

    my %value = (none => '', junk => 'x' x 57, short => 'v1.abc',
                 version => 'v2.' . substr($cookie, 3), forged => $forged,
                 tag => $other, quoted => "\"$cookie\"", long => $cookie . 'A',
                 control => "v1.\x01" . substr($cookie, 4));

    for my $path (qw(page owner auditor strong fresh any any-optional custom
                     redirected echo ssi))
    {
        for my $name (sort keys %value) {
            my $res = get("/$path/", $value{$name} eq ''
                                     ? () : with($value{$name}));

            unlike($res->body, qr/MARKER/, "$path shows nothing to $name");
            ok(!$res->headers->header('Set-Cookie'), "$path sets no cookie");
        }
    }
};

subtest 'the answer depends on who asks' => sub {
    my $res = get('/page/', Accept => 'text/html', 'Sec-Fetch-Mode' => 'navigate');

    is($res->code, 303, 'a navigation goes to the sign-in');
    # TeslaGov#146: the port was lost on the way; here there is none to lose
    like($res->headers->location, qr{^/signin\?next=[\w%.-]+$},
         'with a signed way back');
    like($res->headers->location, qr{%2Fpage%2F$}, 'to where it was');
    is($res->headers->header('Cache-Control'), 'no-store', 'not stored');

    $res = get('/page/', Accept => 'text/html', 'Sec-Fetch-Mode' => 'cors');
    is($res->code, 401, 'a fetch is told so');
    is($res->headers->content_type, 'application/problem+json', 'as a problem');
    is(decode_json($res->body)->{code}, 'session_required', 'with a code');
    like($res->headers->header('Content-Security-Policy'),
         qr/^default-src 'none'/, 'under a strict policy');

    is(get('/page/', Accept => '*/*')->code, 401, 'so is a program');
    is(get('/page/', Accept => 'text/html, */*;q=0.8')->code, 303,
       'an old browser, which says no more than that, goes to the sign-in');
    is(get('/any-open/', Accept => 'text/html')->code, 200,
       'nobody is sent there where another door is open');

    my $post = ua()->post("$nginx->{url}/page/"
                          => { Accept => 'text/html' } => 'x=y')->res;
    is($post->code, 401, 'a POST is never redirected');

    $res = get('/custom/');
    is($res->code, 418, 'error_page of the host is honoured');

    is(get('//evil.example/page/', Accept => 'text/html')->code, 404,
       'another path is no way around');
};

subtest 'what a session lacks' => sub {
    for my $case (['auditor', 403, 'role'], ['strong', 401, 'step_up']) {
        my ($path, $status, $code) = @$case;
        my $res = get("/$path/", with($cookie));

        is($res->code, $status, "$path is refused");
        is(decode_json($res->body)->{code}, $code, 'and says why');
        unlike($res->body, qr/MARKER/, 'and shows nothing');
    }
};

subtest 'every method alike' => sub {
    for my $method (qw(HEAD OPTIONS PUT DELETE PATCH PROPFIND TRACE)) {
        my $res = ua()->start(ua()->build_tx($method
                                             => "$nginx->{url}/page/"))->res;

        ok($res->code == 401 || $res->code == 405, "$method is no way around");
        unlike($res->body, qr/MARKER/, "$method shows nothing");
    }
};

subtest 'unsafe methods need our own pages' => sub {
    my %header = with($cookie);

    my $code = sub {
        return ua()->post("$nginx->{url}/page/" => { %header, @_ })->res->code;
    };

    is($code->(), 403, 'a POST that does not say where it comes from');
    is($code->('Sec-Fetch-Site' => 'cross-site'), 403, 'from another site');
    is($code->('Sec-Fetch-Site' => 'same-site'), 403, 'from a sibling');
    is($code->(Origin => 'http://evil.example'), 403, 'from another origin');
    is($code->(Origin => 'null'), 403, 'from an opaque origin');
    is($code->(Origin => "$nginx->{url}.evil.example"), 403, 'a longer name');
    is($code->('Sec-Fetch-Site' => 'same-origin'), 405,
       'from us it reaches the file, which takes no POST');
    is($code->(Origin => $nginx->{url}), 405, 'by Origin as well');

    my ($token, $other) = map { get('/optional/', with($_))->headers
                                    ->header('Csrf') }
                              $cookie, session();

    is($code->('X-CSRF-Token' => $token), 405, 'a program by its token');
    is($code->('X-CSRF-Token' => $other), 403, 'not by that of another session');
    is($code->('X-CSRF-Token' => "${token}A"), 403, 'nor by a longer one');
    is($code->('X-CSRF-Token' => $token, Origin => 'http://evil.example'), 403,
       'and what a browser says comes first');
    is($code->('X-CSRF-Token' => $token, 'Sec-Fetch-Site' => 'cross-site'),
       403, 'whatever it is');

    my $line = sub {
        my ($origin, @host) = @_;

        return (raw($nginx->{port}, join("\r\n",
                    'POST http://shop.example/page/ HTTP/1.0', @host,
                    "Origin: http://$origin", "Cookie: keepers=$cookie",
                    '', '')) =~ /^\S+ (\d+)/)[0];
    };

    is($line->('shop.example'), 405, 'the host of a request line without Host');
    is($line->('evil.example'), 403, 'and another');
    is($line->('shop.example', 'Host: x'), 403, 'beside Host it says nothing');
};

subtest 'subrequests' => sub {
    unlike(get('/ssi/')->body, qr/MARKER/, 'SSI shows nothing without');
    unlike(get('/ssi/', with($cookie))->body, qr/MARKER/,
           'nor with a session that the main request did not prove');
};

# honojs#4916, nerves_hub#3034, jetty#6103: which of two was taken.
subtest 'two cookies of our name' => sub {
    my $res = get('/page/', Cookie => "keepers=$cookie; keepers=$cookie");

    is($res->code, 401, 'are a guess that is not made');

    for my $line ("keepers=junk; keepers=$cookie",
                  "keepers=$cookie; keepers=junk",
                  "keepers=; keepers=$cookie; keepers=v1." . 'x' x 54)
    {
        is(get('/page/', Cookie => $line)->code, 200,
           'junk beside the one does not shut anyone out');
    }

    is(get('/page/', Cookie => "Keepers=$cookie")->code, 401,
       'a name matches byte by byte');
    is(get('/page/', Cookie => "xkeepers=$cookie")->code, 401,
       'and as a whole');
};

subtest 'headers of ours from a client' => sub {
    my %spelling = ('Keepers-Identity' => 'forged', 'keepers-role' => 'forged',
                    'KEEPERS-X' => 'forged', 'X-Other' => 'kept');

    for my $path (qw(echo open-echo)) {
        my $body = get("/$path/", with($cookie), %spelling)->body;

        unlike($body, qr/forged/, "$path: none reaches the upstream");
        like($body, qr/other=kept/, "$path: the others do");
    }

    like(get('/echo/', with($cookie), %spelling)->body,
         qr/id=eyJ[\w-]+\.[\w-]+\.[\w-]+ /, 'ours does');

    my $many = join('', map { "Keepers-$_: forged\r\nX-$_: kept\r\n" } 1 .. 40);
    my $answer = raw($nginx->{port}, "GET /open-echo/ HTTP/1.1\r\nHost: x\r\n"
                     . "${many}X-Other: kept\r\nConnection: close\r\n\r\n");
    like($answer, qr/other=kept/, 'forty in a row');
    unlike($answer, qr/forged/, 'are all gone');
};

subtest 'variables survive an internal redirect' => sub {
    like(get('/user', with($cookie))->body,
         qr/^[0-9a-f-]{36} [0-9a-f-]{36} owner 1$/, 'to a named location');
};

subtest 'someone who can write to Redis' => sub {
    my $keys = sub { map { $_ => 1 } grep { /:s:/ } split(/\n/,
                     redis_cli($p->{redis}, 'KEYS', 'keepers:*')) };
    my %before = $keys->();
    my ($key) = sort keys %before;
    my ($theirs) = session();
    my %after = $keys->();
    my ($key2) = grep { !$before{$_} } sort keys %after;

    is(get('/page/', with($theirs))->code, 200, 'a second session');

    my $before = forged();

    redis_cli($p->{redis}, 'COPY', $key, $key2, 'REPLACE');
    is(get('/page/', with($cookie))->code, 200, 'one stays what it is');
    is(get('/page/', with($theirs))->code, 401,
       'a record under another key does not open');

    # for a second the zone remembers that there is none
    sleep(1.1);
    redis_cli($p->{redis}, 'SET', $key2, 'x' x 116);
    is(get('/page/', with($theirs))->code, 401, 'nor does garbage');

    sleep(1.1);
    redis_cli($p->{redis}, 'SET', $key2, '');
    is(get('/page/', with($theirs))->code, 401, 'nor nothing');
    is(forged() - $before, 3, 'each of them is counted');

    unlike(redis_cli($p->{redis}, 'GET', $key), qr/owner|[0-9a-f]{8}-/,
           'a record cannot be read');
};

# Whoever could make it none would undo "sign out everywhere".
subtest 'an epoch that is no number' => sub {
    my ($value) = session();
    my ($tag) = map { /(\{.*?\})/ } grep { /:s:/ } split(/\n/,
                redis_cli($p->{redis}, 'KEYS', 'keepers:*'));

    for my $epoch ('x', '', '-1', '1.5', '4294967296') {
        redis_cli($p->{redis}, 'SET', "keepers:$tag:e", $epoch);
        is(get('/page/', with($value))->code, 503, "\"$epoch\" is an error");
    }

    redis_cli($p->{redis}, 'DEL', "keepers:$tag:e");
    is(get('/page/', with($value))->code, 200, 'and nobody is signed out');
};

subtest 'sign out everywhere is one INCR' => sub {
    my $everywhere = sign_in($p);
    my ($value) = map { $_->value } grep { $_->name eq 'keepers' }
                  @{$everywhere->cookie_jar->all};
    my ($tag) = map { /(\{.*?\})/ } grep { /:s:/ } split(/\n/,
                redis_cli($p->{redis}, 'KEYS', 'keepers:*'));

    is(get('/page/', with($value))->code, 200, 'before');
    redis_cli($p->{redis}, 'INCR', "keepers:$tag:e");
    is(get('/page/', with($value))->code, 401, 'after: this one');
    is(get('/page/', with($cookie))->code, 401, 'and every other');
    is(sign_in($p)->get("$p->{url}/dashboard/")->res->code, 200,
       'a new one is good');
};

like(slurp("$nginx->{dir}/checks.log"), qr/^401 revoked session$/m,
     'the log has codes');

done_testing();
