#!/usr/bin/perl

# Copyright (C) Keepers

# A signup that a limit refuses says so with one status, whichever the host has
# chosen for it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Test::More;


my $p = start_platform(limits => 'off');

my $nginx = start_nginx(<<"END" . <<'END');
    keepers_zone           2m;
    keepers_key_file       $p->{dir}/keys/edge.keys;
    keepers_writer_key     $p->{dir}/keys/writer.pub;
    keepers_redis          unix:$p->{redis_socket} user=edge
                           password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout  1s;
    keepers_limit_rule     few key=\$request_method rate=1/h;
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location ~ ^/l/([^/]+)$ {
            keepers_link          $1;
            keepers_limit         few;
            keepers_limit_status  503;
        }
    }
END

my ($path) = $p->{link_url} =~ m{(/l/[^/]+)$};
my $url = "$nginx->{url}$path";
my $token = ua()->get($url)->res->dom->at('[name=token]')->{value};
my %ana = (name => 'Ana', email => 'ana@example.com');

ua()->post($url => form => {});

my $json = ua()->post($url => { 'Idempotency-Key' => 'limited' }
                      => json => \%ana)->res;

is($json->code, 503, 'JSON');
is($json->json->{code}, 'rate_limited', 'has the limit\'s code');
is($json->json->{status}, 503, 'and the same status in its body');
is($json->json->{title}, 'Service Unavailable', 'with its title');

my $form = ua()->post($url => form => { %ana, token => $token })->res;

is($form->code, 503, 'the form');
is($form->dom->at('#email')->{value}, $ana{email}, 'with its values');
like($form->headers->header('Retry-After'), qr/^\d+$/, 'says when to come');

done_testing();
