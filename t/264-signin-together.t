#!/usr/bin/perl

# Copyright (C) Keepers

# Many sign-ins at the same moment: of one account exactly as many are tried as
# its limit has, which shuts nobody out; and who leaves holds up nobody.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Process;
use Keepers::Test;
use Mojo::Promise;
use Test::More;

# what a hash costs is not what this is about
$ENV{KEEPERS_WRITER_ARGON2_MEMORY_KIB} = 8192;
$ENV{KEEPERS_WRITER_ARGON2_PASSES} = 1;

my $p = start_platform(conf => sub {
    my ($file) = @_;

    spew($file, slurp($file)
        =~ s{(server_name  _;)}{$1 set_real_ip_from 127.0.0.1;
                                real_ip_header X-Client;}r, 0644);
});
my $wrong = canary('canary-wrong-7Qx');
my $ua = ua()->max_connections(0);
my ($email, $right) = @$p{qw(owner_email owner_password)};
my $addresses = 0;

# a cookie is what a test says
$ua->cookie_jar->ignore(sub { 1 });


sub sign_in_p {
    my ($email, $password, %header) = @_;
    my $n = ++$addresses;

    return $ua->post_p("$p->{url}/signin"
        => { Origin => $p->{url}, %header,
             'X-Client' => sprintf('10.9.%d.%d', $n / 250, $n % 250) }
        => form => { email => $email, password => $password });
}


sub sign_in_once {
    my ($res, $error);

    sign_in_p(@_)->then(sub { $res = $_[0]->res }, sub { $error = $_[0] })
        ->wait;

    return $res // die("sign-in: $error\n");
}


# The statuses of so many at once, as in "401x20 429x30".
sub together {
    my ($n, @how) = @_;
    my %codes;

    Mojo::Promise->all(map {
        sign_in_p(@how)->then(sub { $codes{$_[0]->res->code}++ })
    } 1 .. $n)->wait;

    return join(' ', map { "${_}x$codes{$_}" } sort keys %codes);
}


sub device {
    my $res = sign_in_once($email, $right, @_);

    return map { /^(keepers-device=[^;]+)/ ? $1 : () }
               @{$res->headers->every_header('Set-Cookie')};
}


# How many the writer has refused, and how many the limit.
sub counted {
    my $text = ua()->get("$p->{url}/keepers/status")->res->body;

    return join(' ', map {
        $text =~ /^keepers_signins_total\{verdict="$_"\} (\d+)$/m ? $1 : 'no'
    } qw(bad limited));
}


subtest 'fifty for one account' => sub {
    my ($first) = device();
    my ($second) = device();

    is(counted(), '0 0', 'nobody has failed');
    is(together(50, $email, $wrong), '401x20 429x30', 'twenty are tried');
    is(counted(), '20 30', 'the writer has hashed no more');
    is(together(50, $email, $right), '429x50', 'then none is');
    is(sign_in_once($email, $right, Cookie => $first)->code, 303,
       'who is known gets in');

    is(together(50, $email, $wrong, Cookie => $first), '401x20 429x30',
       'of a device, too, twenty are tried');
    is(counted(), '40 110', 'and no more hashed');
    is(sign_in_once($email, $right, Cookie => $second)->code, 303,
       'another device gets in all the same');
};

subtest 'three hundred who leave' => sub {
    my $body = "email=canary-N\@example.org&password=$wrong";

    for my $n (100 .. 399) {
        my $client = listens($p->{nginx}{port}) or die("nginx: $!\n");
        my $text = $body =~ s/N/$n/r;

        $client->syswrite(join("\r\n", 'POST /signin HTTP/1.1', 'Host: x',
            "Origin: $p->{url}", "X-Client: 10.8." . ($n / 100) % 9 . '.' . $n % 100,
            'Content-Type: application/x-www-form-urlencoded',
            'Content-Length: ' . length($text), '', $text));
        close($client);
    }

    ok((wait_for {
        sign_in_once('canary-else@example.org', $wrong)->code == 401
    } 20), 'and the next are tried');
    is(together(30, "canary-more\@example.org", $wrong), '401x20 429x10',
       'as many at once as before');
};

done_testing();
