#!/usr/bin/perl

# Copyright (C) Keepers

# A page says what is so when it is shown, and each of our locations says which
# methods it takes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Test::More;


my $p = start_platform(limits => 'off');
my $dir = work_dir();

spew("$dir/page.html", "x is '{{arg_x}}'{{#keepers_signin_busy}}, busy"
     . "{{/keepers_signin_busy}}, {{keepers_reason}}\n", 0644);

my $nginx = start_nginx((<<"END" . <<'END') =~ s/\$dir/$dir/gr);
    keepers_zone            2m;
    keepers_key_file        $p->{dir}/keys/edge.keys;
    keepers_writer_key      $p->{dir}/keys/writer.pub;
    keepers_redis           unix:$p->{redis_socket} user=edge
                            password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout   1s;
    keepers_session_cookie  keepers insecure;
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location = /page {
            keepers_page $dir/page.html;
        }

        location = /signin {
            set            $early $keepers_signin_busy-$keepers_reason;
            keepers_signin /asks;
            keepers_page   $dir/page.html;
        }

        location = /signin-only {
            keepers_signin /asks;
        }

        location = /signout {
            keepers_session optional;
            keepers_signout;
        }

        location /sessions {
            keepers_session required;
            keepers_sessions;
        }

        location ~ ^/l/([^/]+)$ {
            keepers_link $1;
        }

        location ~ ^/l/([^/]+)/thanks$ {
            keepers_thanks $1;
        }

        location = /asks {
            internal;
            return 503;
        }
    }
END

is(ua()->get("$nginx->{url}/page?x=1'")->res->body, "x is '1&#39;', \n",
   'a page with its variables');

my $res = ua()->post("$nginx->{url}/signin" => form =>
                     { email => 'nobody@example.org', password => 'none' })
              ->res;

is($res->code, 503, 'a sign-in without a writer');
is($res->body, "x is '', busy, busy\n",
   'says so, although someone has looked before');

my %allow = (
    '/page' => 'GET, HEAD',
    '/signin' => 'GET, HEAD, POST',
    '/signin-only' => 'POST',
    '/signout' => 'POST',
    '/sessions' => 'GET, HEAD, DELETE',
    '/sessions/all' => 'DELETE',
    '/l/some' => 'GET, HEAD, POST',
    '/l/some/thanks' => 'GET, HEAD',
);
my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
               @{sign_in($p)->cookie_jar->all};

for my $path (sort keys %allow) {
    my $no = ua()->put("$nginx->{url}$path"
                       => { Cookie => "keepers=$cookie",
                            'Sec-Fetch-Site' => 'same-origin' } => 'x')->res;

    is($no->code, 405, "$path takes no PUT");
    is($no->headers->header('Allow'), $allow{$path}, 'and says what it takes');
    is($no->json->{code}, 'method', 'in a problem document');
    like($no->headers->header('Content-Security-Policy'),
         qr/default-src 'none'/, 'with strict headers');
}

done_testing();
