#!/usr/bin/perl

# Copyright (C) Keepers

# A password has eight characters at least and is none of those that are tried
# first: of a long list, or the address or the name of the business.  Nothing
# else is asked of it.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";

use Encode qw(encode_utf8);
use Keepers::Test;
use Keepers::Writer;
use Test::More;


my $writer = Keepers::Writer->new;
my $email = 'espresso.lena@cafe-sunrise.example';
my $good = 'canary-Vq8 w';

canary($good);
$writer->command('', 'migrate');


# What the operator is told of a password; nothing, if it is taken.
sub said {
    my ($password) = @_;
    my ($status, $text) = $writer->command(encode_utf8("$password\n"),
        qw(account password --email), $email);

    return $status == 0 ? '' : $text =~ /no password: ([^;]+);/ ? $1 : $text;
}


my ($status, $text) = $writer->command("$good\n", qw(account add --role owner
    --business), 'Corner Coffee & Co', '--email', $email);
is($status, 0, 'an account') or diag($text);

subtest 'the list' => sub {
    my @list = split(/\n/, slurp("$Keepers::Test::root/writer/"
                                 . 'writer_password_list.txt'));
    my @long = grep { length >= 8 } @list;

    cmp_ok(scalar @long, '>', 10_000, 'has ten thousand that are long enough');
    is_deeply(\@list, [sort @list], 'is in order');
    is(scalar(grep { lc ne $_ } @list), 0, 'in small letters');

    my @some = (@long[0, -1], map { $long[$_ * 900] } 0 .. 12);
    my @taken = grep { said($_) !~ /tried first/ } @some;

    is("@taken", '', 'none of it is taken: the first, the last, some between');
};

subtest 'what is tried first' => sub {
    for my $password (qw(password Password PASSWORD1 Baseball2026 sunshine!!
                         Dragon12! qwertyuiop 12345678 Summer2026))
    {
        like(said($password), qr/tried first/, "as $password");
    }

    for my $password ('Corner Coffee & Co', 'cornercoffeeco', 'CornerCoffeeCo1!')
    {
        my ($status, $text) = $writer->command("$password\n",
            qw(account add --role owner --business), 'Corner Coffee & Co',
            '--email', 'canary-new@example.org');

        is($status, 1, $password);
        like($text, qr/the address or the name of the business/, 'named');
    }

    for my $password ($email, 'Espresso.Lena', 'EspressoLena12',
                      'cafe-sunrise.example')
    {
        like(said($password), qr/the address or the name/, $password);
    }
};

subtest 'length' => sub {
    like(said('zq8#kLw'), qr/too short/, 'seven characters');
    like(said('コーヒー豆と水'), qr/too short/, 'not by their bytes');
    is(said('zq8#kLwV'), '', 'eight');
    is(said('コーヒー豆とお湯'), '', 'of any script');
    is(said('ab' x 128), '', '256 bytes');
    like(said('ab' x 128 . 'c'), qr/too long/, 'one more');
    is(said('onlysmallletterswithoutanysign'), '', 'no signs are asked for');
    is(said('basebally93k'), '', 'a longer word than one of the list');
    is(said('x baseball 2026'), '', 'or more than one');
};

done_testing();
