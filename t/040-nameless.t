#!/usr/bin/perl

# Copyright (C) Keepers

# An "if" or a "limit_except" in a location changes nothing of what our
# handler does there: nginx serves it from a location without a name, with the
# handler of the one around it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Test::More;


my $p = start_platform(limits => 'off');
my $dir = work_dir();

spew("$dir/page.html", "a page for {{arg_x}}\n", 0644);

my $nginx = start_nginx((<<"END" . <<'END') =~ s/\$dir/$dir/gr);
    keepers_zone            2m;
    keepers_key_file        $p->{dir}/keys/edge.keys;
    keepers_writer_key      $p->{dir}/keys/writer.pub;
    keepers_redis           unix:$p->{redis_socket} user=edge
                            password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout   1s;
    keepers_session_cookie  keepers insecure;
    keepers_session         optional;
END
    server {
        listen unix:%%DIR%%/other.sock;
        return 418;
    }

    server {
        listen 127.0.0.1:%%PORT%%;
        root   %%DIR%%/none;

        location = /page {
            keepers_page $dir/page.html;
            if ($arg_x) { set $y 1; }
        }

        location = /except {
            keepers_page $dir/page.html;
            limit_except POST { allow all; }
        }

        location ~ ^/l/([^/]+)$ {
            keepers_link $1;
            if ($arg_x) { set $y 1; }
            error_page 502 = @spool;
            proxy_pass http://unix:%%DIR%%/none.sock:;
        }

        location ~ ^/l/([^/]+)/thanks$ {
            keepers_thanks $1;
            if ($arg_x) { set $y 1; }
        }

        location @spool {
            keepers_spool max=5;
            if ($arg_x) { set $y 1; }
        }

        location = /signin {
            keepers_signin /asks;
            keepers_page $dir/page.html;
            if ($arg_x) { set $y 1; }
        }

        location = /asks {
            internal;
            return 503;
        }

        location = /own {
            keepers_signin /asks;
            if ($arg_x) { proxy_pass http://unix:%%DIR%%/other.sock:; }
        }

        location = /signout {
            keepers_signout;
            if ($arg_x) { set $y 1; }
        }

        location /sessions {
            keepers_session required;
            keepers_sessions;
            if ($arg_x) { set $y 1; }
        }

        location = /json {
            keepers_status json;
            if ($arg_x) { set $y 1; }
        }

        location = /text {
            keepers_status;
            if ($arg_x) { set $y 1; }
        }
    }
END

my $session = sign_in($p);
my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
               @{$session->cookie_jar->all};
my ($slug) = $p->{link_url} =~ m{([^/]+)$};
my $key = 0;


sub answer {
    my ($method, $path, @more) = @_;
    my $ua = ua();
    my %header = (Cookie => "keepers=$cookie",
                  'Sec-Fetch-Site' => 'same-origin');

    return $ua->start($ua->build_tx($method => "$nginx->{url}$path",
                                    \%header, @more))->res;
}


# The same with and without the "if".
sub same {
    my ($name, $status, $like, $method, $path, @more) = @_;

    for my $query ('', '?x=1') {
        my $res = answer($method, "$path$query", @more);

        is($res->code, $status, "$name: $path$query");
        like($res->headers->to_string . "\n\n" . $res->body, $like,
             "$name is what it is");
    }

    return;
}


same('a page', 200, qr/a page for/, 'GET', '/page');
same('a page in limit_except', 200, qr/a page for/, 'GET', '/except');
same('a link', 200, qr/<form/, 'GET', "/l/$slug");
same('a thanks page', 200, qr/<h1/, 'GET', "/l/$slug/thanks");
same('sign-in', 200, qr/a page for/, 'GET', '/signin');
same('sign-in', 503, qr/a page for/, 'POST', '/signin',
     form => { email => 'nobody@example.com', password => 'none' });
same('status', 200, qr/^\{"keepers_/m, 'GET', '/json');
same('status', 200, qr/^# HELP/m, 'GET', '/text');
same('sessions', 200, qr/"items":\[\{/, 'GET', '/sessions');
same('sign-out', 405, qr/"code":"method"/, 'GET', '/signout');

for my $query ('', '?x=1') {
    my $ua = ua();
    my $res = $ua->post("$nginx->{url}/l/$slug$query"
        => { 'Idempotency-Key' => 'nameless-' . ++$key }
        => json => { name => 'Ada', email => "ada$key\@example.com",
                     consent_email => \1 })->res;

    is($res->code, 202, "a signup waits in the spool: $query")
        or diag($res->body);
}

is(answer('GET', '/own?x=1')->code, 418,
   'an "if" with a handler of its own keeps it');

same('sign-out', 303, qr/Clear-Site-Data/i, 'POST', '/signout');

done_testing();
