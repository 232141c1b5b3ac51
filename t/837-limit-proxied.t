#!/usr/bin/perl

# Copyright (C) Keepers

# A limit by client behind a proxy that nginx was not told of limits the proxy,
# hence everybody (shaarli#409, joomla#11): the error log says so, once, and says
# nothing where there is nothing to say.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::UNIX;
use Keepers::Test;
use Test::More;


my $warning = qr/\[warn\] .*keepers: a limit by client may count a proxy/;
my $redis = start_redis();

sub serve {
    my ($realip) = @_;

    return start_nginx(<<"END" . <<'END');
    $realip
END
    keepers_zone           2m;
    keepers_key_file       %%KEYS%%/edge.keys;
    keepers_redis          unix:%%REDIS%%;
    keepers_redis_timeout  2s;

    keepers_limit_rule  net     key=$keepers_client rate=100/h;
    keepers_limit_rule  mixed   key=x$keepers_client rate=100/h;
    keepers_limit_rule  other   key=$arg_who rate=100/h;

    server {
        listen 127.0.0.1:%%PORT%%;
        listen unix:%%DIR%%/nginx.sock;

        location = /net    { keepers_limit net;   try_files /none =204; }
        location = /mixed  { keepers_limit mixed; try_files /none =204; }
        location = /other  { keepers_limit other; try_files /none =204; }
        location = /open   { try_files /none =204; }
    }
END
}


sub warnings {
    my ($nginx) = @_;

    return grep { /$warning/ } split(/^/, slurp($nginx->{error_log}));
}


sub ask {
    my ($nginx, $path, %headers) = @_;

    return is(ua()->get("$nginx->{url}$path", \%headers)->res->code, 204,
              join(' ', $path, %headers));
}


# Nobody's doubt: each of them would be a line of its own worker's life.
my %forwarded = ('X-Forwarded-For' => '192.0.2.77');

subtest 'realip was not told' => sub {
    my $nginx = serve('');

    ask($nginx, '/net');
    ask($nginx, '/net', 'X-Real-IP' => '192.0.2.77');
    ask($nginx, '/open', %forwarded);
    ask($nginx, '/other?who=a', %forwarded);
    is(scalar(warnings($nginx)), 0, 'nothing to say yet');

    ask($nginx, '/net', %forwarded) for 1 .. 5;
    ask($nginx, '/mixed', %forwarded);

    my @said = warnings($nginx);

    is(scalar(@said), 1, 'then once');
    unlike($said[0], qr/127\.0\.0|192\.0\.2|client:|request:/,
           'without an address');

    reload($nginx);
    ask($nginx, '/mixed', %forwarded);
    is(scalar(warnings($nginx)), 2, 'and once after a reload');
    stop($nginx, 'QUIT');
};

subtest 'a proxy on a Unix socket' => sub {
    my $nginx = serve('');
    my $socket = IO::Socket::UNIX->new("$nginx->{dir}/nginx.sock") or die $!;

    print $socket "GET /net HTTP/1.0\r\nX-Forwarded-For: 192.0.2.77\r\n\r\n";
    like(scalar(<$socket>), qr/ 204 /, 'is not limited at all');
    is(scalar(warnings($nginx)), 1, 'which is worth a line');
    stop($nginx, 'QUIT');
};

subtest 'realip knows' => sub {
    my $nginx = serve('set_real_ip_from 127.0.0.1; set_real_ip_from unix:; '
                      . 'real_ip_header X-Forwarded-For;');

    ask($nginx, '/net', %forwarded);
    ask($nginx, '/net', 'X-Forwarded-For' => $_)
        for '10.1.2.3', '172.31.1.1', '192.168.1.1', '100.64.0.1',
            'fd00::1', 'fe80::1', '2001:db8::1', '::1';

    my $socket = IO::Socket::UNIX->new("$nginx->{dir}/nginx.sock") or die $!;

    print $socket "GET /net HTTP/1.0\r\nX-Forwarded-For: 10.1.2.3\r\n\r\n";
    like(scalar(<$socket>), qr/ 204 /, 'a Unix socket');
    is(scalar(warnings($nginx)), 0, 'its proxy is no matter');
    stop($nginx, 'QUIT');
};

subtest 'realip knows another' => sub {
    my $nginx = serve('set_real_ip_from 192.0.2.1; '
                      . 'real_ip_header X-Forwarded-For;');

    ask($nginx, '/net', %forwarded);
    is(scalar(warnings($nginx)), 1, 'not this one');
    stop($nginx, 'QUIT');
};

done_testing();
