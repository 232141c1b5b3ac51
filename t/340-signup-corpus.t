#!/usr/bin/perl

# Copyright (C) Keepers

# One gate: what a form may say JSON may say, and the other way; each case of
# the corpus has one outcome, whichever way it comes, and what is stored is
# what the table says.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";

use Encode qw(encode_utf8);
use Keepers::Test;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(sleep);
use Unicode::Normalize qw(NFC NFD);

binmode($_, ':utf8') for map { Test::More->builder->$_ }
    qw(output failure_output todo_output);


my $p = start_platform(limits => 'off');
my $link = $p->{link2_url};         # asks for a phone, the name may be blank
my $ua = ua()->max_connections(16);
my @cases;
my $n = 0;


# A field, its value, and what becomes of it: the value that is stored, or the
# code of a fault.
sub case { push(@cases, { field => $_[0], value => $_[1], %{$_[2]} }) }

sub good { my ($field, $value, @stored) = @_;
           case($field, $value, { stored => @stored ? $stored[0] : $value }) }

sub bad { my ($field, $code, @values) = @_;
          case($field, $_, { code => $code }) for @values }


# Names: any script, NFC, a hundred clusters, no controls.

good(name => $_) for "O'Connor-Nuñez", 'Ólafur Þór', 'Łukasz', 'Nguyễn',
    'D’Arcy', 'Ana & Bea', 'X', 'Ng', '李', 'محمد', 'Zoë Kőszegi',
    'ნინო', 'Ανδρέας', 'อรุณ', 'अनिता', '山田 太郎', "می\x{200c}خواهم", 'Jean-Luc',
    'Dr. Müller III.', 'María José', '=1+1', '+1+1', '-2', '@SUM(A1)',
    'a' x 100, 'é' x 100, '👩‍👩‍👧‍👦', 'null', 'undefined', '"quoted"', '\\', '%00',
    'Robert\'); DROP TABLE', '{{name}}', '${7*7}', '../../etc', 'true', '0';
good(name => '  Ana  ', 'Ana');
good(name => "\tAna\t", 'Ana');
good(name => NFD('José'), NFC('José'));
good(name => '', '');
good(name => '   ', '');
bad(name => 'control', "a\nb", "a\rb", "a\x{1b}b", "a\x{7f}b", "a\x{85}b",
    "a\x{202e}b", "a\x{202a}b", "a\x{2066}b", "a\x{2069}b",
    "a\x{1}b", "a\x{9f}b");
bad(name => 'too_long', 'a' x 101, 'é' x 101, 'x' . "\x{301}" x 500,
    '字' x 134, 'a' x 500);

# E-mail: the HTML standard with a dot in the domain, IDN to A-labels.

good(email => "$_\@example.com") for 'ana', 'ana+cafe', 'a.b', 'A.B', 'a_b',
    "o'hara", 'a-b', '1', 'a..b', '.a', 'a.', '!#$%&*+/=?^_`{|}~-',
    'x' x 64, 'josé', 'пример', '用户';
good(email => ' Ana+cafe@Example.COM ', 'Ana+cafe@example.com');
good(email => 'a@bücher.de', 'a@xn--bcher-kva.de');
good(email => 'a@BÜCHER.de', 'a@xn--bcher-kva.de');
good(email => 'x@пример.рф', 'x@xn--e1afmkfd.xn--p1ai');
good(email => "a\@$_") for 'sub.example.com', 'xn--bcher-kva.de', 'a.b.c.d.e',
    'r3---sn.example', '1.example', 'a-b.example', 'example.museum',
    ('x' x 63) . '.com';
good(email => 'a@EXAMPLE.org', 'a@example.org');
bad(email => 'required', '', '   ');
bad(email => 'syntax', 'a', 'a@', '@b.example', 'a@b', 'a@-b.com', 'a@b-.com',
    'a@b..com', 'a@.com', 'a@b.com.', '"a b"@x.com', 'a@[127.0.0.1]',
    'a b@x.com', 'a@x com', 'a@b@c.com', "a\@x.com\r\nBcc: v\@y.com",
    "a\@x.com\n", 'a@x.com,b@y.com', 'a@x.com;b@y.com', '<a@x.com>',
    'Ana <a@x.com>', 'mailto:a@x.com', 'a@x_y.com', 'a@x.com/', 'a@x.com?x',
    'a(b)@x.com', 'a@(x).com', 'a:b@x.com', 'a\\b@x.com', 'a,b@x.com', 'a@' . ('x' x 64) . '.com', 'a@127.0.0.1:80');
bad(email => 'too_long', ('x' x 65) . '@example.com',
    'a@' . join('.', ('x' x 60) x 4) . '.example.com');

# Phone: cleaned, refused only when it cannot be a number.

good(phone => $_->[0], $_->[1]) for
    ['020 7946 0958', '+442079460958'], ['(020) 7946 0958', '+442079460958'],
    ['0044 20 7946 0958', '+442079460958'], ['+44 20 7946 0958',
    '+442079460958'], ['+44 (0)20 7946 0958', '+442079460958'],
    ['020-7946-0958', '+442079460958'], ['020.7946.0958', '+442079460958'],
    ['٠٢٠ ٧٩٤٦ ٠٩٥٨', '+442079460958'], ['０２０７９４６０９５８', '+442079460958'],
    ['＋442079460958', '+442079460958'], ['07911 123456', '+447911123456'],
    ['+49 30 901820', '+4930901820'], ['+1 (212) 555-0123', '+12125550123'],
    ['०२० ७९४६ ०९५८', '+442079460958'];
good(phone => '', undef);
good(phone => '  ', undef);
bad(phone => 'possible', 'call me', '12345', '07911 123456 x12',
    '+99999999999999999', '1' x 16, '+', '++44', 'O2O 7946 O958', '☎',
    '020 7946 0958 ext 3', '1-800-FLOWERS');


# What is not about a single value of a kind that both can say.

subtest 'the corpus is large' => sub {
    cmp_ok(scalar @cases, '>=', 150, scalar(@cases) . ' cases, each twice');
};


sub fields {
    my ($case, $way) = @_;
    my %fields = (name => 'Case', email => 'canary-case' . ++$n . '@example.org');

    $fields{$case->{field}} = $case->{value};

    # who is asked for again must be told apart
    $fields{name} = "Case $way $n" if $case->{field} ne 'name';
    return \%fields;
}


sub by_json {
    my ($case) = @_;
    my $fields = $case->{json} = fields($case, 'json');

    return $ua->post_p($link => { 'Idempotency-Key' => "corpus-$n" }
                       => json => $fields)->then(sub {
        my $res = $_[0]->res;
        my $errors = $res->code == 422 ? decode_json($res->body)->{errors} : [];

        $case->{json_said} = join(' ', $res->code,
            map { "$_->{field}.$_->{code}" } @$errors);
    });
}


sub by_form {
    my ($case, $token) = @_;
    my $fields = $case->{form} = fields($case, 'form');

    return $ua->post_p($link => form => { %$fields, token => $token })
              ->then(sub {
        my $res = $_[0]->res;
        my @faulty = map { $_->attr('name') }
                     @{$res->dom->find('[aria-invalid=true]')};

        $case->{form_said} = join(' ', $res->code, @faulty);
        $case->{kept} = $res->dom->at("[name=$case->{field}]")
            if $res->code == 422;
    });
}


sub token {
    return ua()->get($link)->res->dom->at('input[name=token]')->attr('value');
}


my @tokens = map { token() } @cases, 'one more';

sleep(2.1);

for my $from (map { $_ * 16 } 0 .. $#cases / 16) {
    my $to = $from + 15 < $#cases ? $from + 15 : $#cases;

    Mojo::Promise->all(map { by_json($cases[$_]),
                             by_form($cases[$_], $tokens[$_]) } $from .. $to)
                 ->wait;
}


# All that is stored, by address: held ones need no look here.
my (%stored, $next);
my $owner = sign_in($p);

do {
    my $page = decode_json($owner->get("$p->{url}/api/v1/customers?limit=200"
                           . ($next ? "&after=$next" : ''))->res->body);

    $stored{lc($_->{email})} = $_ for @{$page->{items}};
    $next = $page->{next};
} while ($next);


for my $case (@cases) {
    my $name = "$case->{field} "
               . encode_json([$case->{value}]) =~ s/^(.{50}).*/$1.../r;

    utf8::decode($name);

    if ($case->{code}) {
        is($case->{json_said}, "422 $case->{field}.$case->{code}",
           "$name: JSON");
        is($case->{form_said}, "422 $case->{field}", "$name: form");
        next;
    }

    is($case->{json_said}, '202', "$name: JSON");
    is($case->{form_said}, '303', "$name: form");

    for my $way (qw(json form)) {
        my $email = $case->{field} eq 'email' ? $case->{stored}
                                              : $case->{$way}{email};
        my $row = $stored{lc($email)};

        is($row->{$case->{field}}, $case->{stored}, "$name: $way, stored")
            if $case->{field} ne 'email';
        is($row && lc($row->{email}), lc($email), "$name: $way, its address");
    }
}


subtest 'encodings' => sub {
    my $json = sub {
        return $ua->post($link => { 'Content-Type' => 'application/json',
            'Idempotency-Key' => 'bytes' . ++$n } => $_[0])->res->code;
    };
    my $form = sub {
        return $ua->post($link => { 'Content-Type' =>
            'application/x-www-form-urlencoded' }
            => "$_[0]&token=$tokens[-1]")->res->code;
    };

    # U+FFFE, which is well formed and no character
    for my $bytes ("\xef\xbf\xbe", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5",
                   "\xc3\x28", "\xe2\x82", "\xff", "\x80")
    {
        my $hex = unpack('H*', $bytes);
        my $escaped = join('', map { sprintf('%%%02x', ord) }
                               split(//, $bytes));

        is($json->("{\"name\":\"a${bytes}b\",\"email\":\"canary-e\@x.org\"}"),
           422, "$hex in JSON");
        is($form->("name=a${escaped}b&email=canary-e\@x.org"), 422,
           "$hex in a form");
    }

    is($json->('{"name":"' . $_ . '","email":"canary-e@x.org"}'), 422,
       "$_ in JSON") for '\ud800', '\udc00', '\ud800\u0041', '\u0000';
    is($form->('name=a%00b&email=canary-e@x.org'), 422, 'NUL in a form');
};


subtest 'shapes' => sub {
    my $code = sub {
        return $ua->post($link => { 'Content-Type' => 'application/json',
            'Idempotency-Key' => 'shape' . ++$n } => $_[0])->res->code;
    };
    my $ok = '"email":"canary-s@x.org"';

    is($code->($_->[0]), $_->[1], substr($_->[0], 0, 40)) for
        ['', 400], ['{', 400], ['[]', 400], ['null', 400], ['"a"', 400],
        ["{$ok} x", 400], ["{$ok,$ok}", 400], ['{"email":1}', 422],
        ['{"email":null}', 422], ['{"email":{}}', 422], ['{"email":[]}', 422],
        ["{$ok,\"name\":true}", 422], ["{$ok,\"consent_email\":\"yes\"}", 422],
        ["{$ok,\"name\":" . '[' x 1000 . ']' x 1000 . '}', 400],
        ["{$ok," . join(',', map { "\"f$_\":1" } 1 .. 100) . '}', 400],
        ["{$ok,\"is_admin\":1,\"business_id\":2}", 202],
        ["{$ok,\"consent_email\":true,\"consent_sms\":false}", 202];
};

done_testing();
