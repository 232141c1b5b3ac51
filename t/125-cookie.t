#!/usr/bin/perl

# Copyright (C) Keepers

# No upstream sees our cookie, nor what a client says in our name, on any path;
# it gets all others byte for byte.

# (lua-resty-session#100, lua-resty-session#103: others' cookies went as well, or
# came in several lines.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Test::More;


my $p = start_platform(limits => 'off');

my $upstream = start_nginx(<<'END');
    underscores_in_headers  on;

    server {
        listen 127.0.0.1:%%PORT%%;

        location / {
            return 200 "[$http_cookie] $http_keepers_role$http_x_after";
        }
    }
END

my $named = free_port();
my %value = (UPSTREAM => $upstream->{url}, NAMED => $named);

my $nginx = start_nginx((<<"END" . <<'END') =~ s/(UPSTREAM|NAMED)/$value{$1}/gr);
    keepers_zone            2m;
    keepers_key_file        $p->{dir}/keys/edge.keys;
    keepers_redis           unix:$p->{redis_socket} user=edge
                            password_file=$p->{dir}/keys/redis-edge.password;
    keepers_session_cookie  keepers insecure;
END
    underscores_in_headers  on;
    log_format cookie '[$http_cookie] [$cookie_keepers] $keepers_session';

    server {
        listen 127.0.0.1:%%PORT%%;
        listen unix:%%DIR%%/h2.sock http2;

        access_log %%DIR%%/cookie.log cookie;
        error_page 400 494 /refused;

        location /open/ {
            proxy_pass UPSTREAM;
        }

        location /in/ {
            keepers_session required;
            error_page      401 = /refused;
            proxy_pass      UPSTREAM;
        }

        location /missing/ {
            keepers_session optional;
            root            %%DIR%%/none;
            error_page      404 = @missing;
        }

        location @missing {
            keepers_session required;
            proxy_pass      UPSTREAM;
        }

        location = /ssi {
            keepers_session required;
            default_type    text/html;
            ssi             on;
            root            %%DIR%%;
        }

        location = /twice {
            keepers_session required;
            try_files       /none /in/again;
        }

        location = /refused {
            internal;
            proxy_pass UPSTREAM;
        }
    }

    server {
        listen 127.0.0.1:NAMED;

        error_page 400 494 = @refused;

        location / {
            return 404;
        }

        location @refused {
            proxy_pass UPSTREAM;
        }
    }
END

spew("$nginx->{dir}/ssi", '<!--#include virtual="/open/" -->'
     . '<!--#include virtual="/in/" -->', 0644);

my $ua = sign_in($p);
my ($token) = map { $_->value } grep { $_->name eq 'keepers' }
              map { @$_ } $ua->cookie_jar->all;
my $ours = "keepers=$token";

canary($token);


# What the upstream got of these Cookie lines.
sub got {
    my ($uri, @lines) = @_;
    my $method = $uri =~ s/^([A-Z]+) // ? $1 : 'GET';

    my $answer = raw($nginx->{port}, join("\r\n", "$method $uri HTTP/1.1",
                     'Host: x', map({ "Cookie: $_" } @lines),
                     'X-After: after', 'Connection: close', '', ''));

    return $answer =~ /\A\S+ 200 .*?\r\n\r\n(.*)\z/s ? $1 : $answer;
}


my @lines = (
    ['it alone', '', $ours],
    ['first', 'a=1; b=2', "$ours; a=1; b=2"],
    ['in the middle', 'a=1; b="2 ;x"', "a=1; $ours; b=\"2 ;x\""],
    ['last', "a=1;  b=\xc3\xa9,", "a=1;  b=\xc3\xa9,; $ours"],
    ['in a line of its own', 'a=1; b=2', 'a=1', $ours, 'b=2'],
    ['in the first of two lines', 'b=2', $ours, 'b=2'],
    ['in the last of two lines', 'a=1', 'a=1', $ours],
    ['among names like it', 'xkeepers=1; Keepers=2; keepers2=3',
     "xkeepers=1; Keepers=2; $ours; keepers2=3"],
);

for my $case (@lines) {
    my ($name, $left, @sent) = @$case;

    for my $uri (qw(/open/ /in/ /missing/x /twice)) {
        is(got($uri, @sent), "[$left] after", "$name: $uri");
    }
}

is(got('/open/', 'a=1; b', '; ;c=3'), '[a=1; b; ; ;c=3] after',
   'without ours, nothing is touched');
for my $what ('OPTIONS /open/', 'OPTIONS /in/', 'PROPFIND /open/',
              'HEADER /open/')
{
    is(got($what, "a=1; $ours", 'b=2'), '[a=1; b=2] after', $what);
}

my $included = got('/ssi', "$ours; a=1");

is(scalar(() = $included =~ /\[a=1\]/g), 2, 'two subrequests')
    or diag($included);
is(got('/in/', "$ours; keepers=junk; a=1"), '[a=1] after',
   'a second of our name goes as well');
is(got('/in/', "$ours; $ours"), '[] after',
   'two that open are refused, and go as well');
is(got('/in/', 'keepers=junk; a=1'), '[a=1] after', 'one that is no session');

# The last headers of a request: nothing stands behind what is removed.
my @last = (
    ['two headers in our name', '', 'Keepers-X: 1', 'Keepers-Role: owner'],
    ['as CGI folds it', '', 'Keepers_Role: owner'],
    ['three of them', '', ('Keepers-Role: owner') x 3],
    ['many of them', '', ('Keepers-Role: owner') x 60],
    ['two cookies', '', "Cookie: $ours", "Cookie: $ours"],
    ['a cookie and a header', '', "Cookie: $ours", 'Keepers-Role: owner'],
    ['each behind another', 'a=1', "Cookie: $ours", 'Keepers-Role: owner',
     'Cookie: a=1', 'Keepers-Role: owner', "Cookie: $ours"],
);

for my $case (@last) {
    my ($name, $left, @sent) = @$case;

    for my $first ("Host: x\r\nX-After: after\r\nConnection: close\r\n",
                   "X-After: after\r\n")
    {
        my $version = $first =~ /Host/ ? '1.1' : '1.0';
        my $answer = raw($nginx->{port}, "GET /open/ HTTP/$version\r\n$first"
                         . join('', map { "$_\r\n" } @sent) . "\r\n");

        like($answer, qr/\r\n\r\n\[$left\] after\z/, "at the end: $name");
    }

    my $answer = raw($nginx->{port}, "GET /open/ HTTP/1.0\r\n"
                     . join('', map { "$_\r\n" } @sent) . "\r\n");

    like($answer, qr/\r\n\r\n\[$left\] \z/, "nothing else: $name");
}

my $device = 'keepers-device=' . 'A' x 54;

for my $case (['[] after', $device], ['[] after', "$ours; $device"],
              ['[] after', $device, $ours],
              ['[a=1; b=2] after', "a=1; $device; b=2; $ours"],
              ['[a=1; keepers-devices=2] after',
               "$device; a=1; $device; keepers-devices=2"])
{
    my ($left, @sent) = @$case;

    is(got('/open/', @sent), $left, "a device's goes: @sent");
    is(got('/in/', @sent, grep({ !/keepers=v1/ } "@sent") ? $ours : ()), $left,
       'under a session too');
}

my $long = 'x' x 9000;

for my $case ([400, "X-After: after\r\n"],
              [494, "Host: x\r\nX-After: after\r\nX-Long: $long\r\n"])
{
    my ($status, $header) = @$case;

    for my $port ($nginx->{port}, $named) {
        my $answer = raw($port, "GET / HTTP/1.1\r\nCookie: $ours; a=1\r\n"
                         . "Keepers-Role: owner\r\n$header\r\n");

        like($answer, qr/\[a=1\] after\z/,
             "an error page of a $status, "
             . ($port == $named ? 'named' : 'by its URI'));
    }
}

my $h2 = qx(curl -s --http2-prior-knowledge \\
            --unix-socket $nginx->{dir}/h2.sock \\
            -H 'Cookie: a=1; $ours; b=2' -H 'X-After: after' http://x/in/);
is($h2, '[a=1; b=2] after', 'HTTP/2');

my @log = split(/\n/, slurp("$nginx->{dir}/cookie.log"));
is(scalar(grep { /\[-\] valid/ } @log) > 0, 1,
   'the log knows the session, and not the token');

done_testing();
