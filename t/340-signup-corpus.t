#!/usr/bin/perl

# Copyright (C) Keepers

# One gate: what a form may say JSON may say, and what an edge may tell the
# writer.  Each case of t/corpus/signup goes by each of the three into a
# business of its own, and the three tables that come of it are one, which is
# the corpus.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";

use Encode qw(decode);
use Keepers::Corpus;
use Keepers::Test;
use Keepers::Writer;
use Mojo::JSON qw(decode_json);
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(sleep);

binmode($_, ':utf8') for map { Test::More->builder->$_ }
    qw(output failure_output todo_output);

my $p = start_platform(limits => 'off');
my $writer = Keepers::Writer->of_platform($p);
my $ua = ua()->max_connections(16);
my %text = (consent_email => 'Write to me.', consent_sms => 'Text me.');
my @ways = qw(form json writer);
my @cases = corpus();
my $n = 0;

# what a record has room for: what is longer is none
my %room = (name => 400, email => 254, phone => 16,
            map { $_ => 64 } qw(placement utm_source utm_medium utm_campaign
                                utm_term utm_content));
# of these the shape alone is looked at, with the record's
my %shape = map { $_ => 1 } qw(locale placement utm_source utm_medium
                               utm_campaign utm_term utm_content);
# how the words of a page begin, and which code they stand for
my @words = (['Please enter your', 'required'], ['The name has', 'control'],
             ['The name is too', 'too_long'], ['The e-mail', 'too_long'],
             ['Please enter an', 'syntax'], ['This cannot', 'possible'],
             ['Please enter this', 'type'], ['This arrived', 'encoding']);


# --- a business for each way, with two links

sub business {
    my ($way) = @_;
    my %do = (email => "canary-$way\@owner.example",
              password => 'canary-long-password');
    my ($status, $out) = operator($p, "$do{password}\n", qw(account add --role
        owner --business), "By $way", '--email', $do{email});
    my ($id) = $out =~ /business=(\S+)/ or die("account add: $out");
    my @link = (qw(link add --offer Tea --country GB --locale en --business),
                $id);

    operator($p, '', @link, '--slug', "$way-strict");
    operator($p, '', @link, '--slug', "$way-wide", qw(--phone --name-optional),
             '--consent-email', $text{consent_email},
             '--consent-sms', $text{consent_sms});

    for my $link (qw(strict wide)) {
        ok((wait_for { ua()->get("$p->{url}/l/$way-$link")->res->code == 200 }),
           "$way has a $link link");
    }

    return sign_in($p, $do{email}, $do{password});
}


my %owner = map { $_ => business($_) } @ways;


# --- what is sent: all fields of a case, in bytes

sub fields {
    my ($case, $value) = @_;
    my %fields = (name => "Case $case->{n}",
                  email => "canary-case$case->{n}\@example.org");

    # a consent shows of which language the page was
    $fields{consent_email} = '1' if $case->{field} eq 'locale';
    return { %fields, $case->{field} => $value };
}


sub escaped { return $_[0] =~ s/([^A-Za-z0-9])/sprintf('%%%02X', ord($1))/ger }

sub quoted {
    my $s = $_[0] =~ s/(["\\])/\\$1/gr;

    return '"' . $s =~ s/([\x00-\x1f])/sprintf('\\u%04x', ord($1))/ger . '"';
}


sub by_form {
    my ($case) = @_;
    my $fields = fields($case, $case->{typed});

    $fields->{token} = $case->{token};

    return $ua->post_p("$p->{url}/l/form-$case->{link}"
        => { 'Content-Type' => 'application/x-www-form-urlencoded' }
        => join('&', map { "$_=" . escaped($fields->{$_}) } sort keys %$fields))
        ->then(sub {
            my $res = $_[0]->res;

            return 'taken' if $res->code == 303;
            return $res->code == 422 ? page_says($case, $res->dom)
                                     : $res->code;
        });
}


# The words at the field; a field that nobody sees has none.
sub page_says {
    my ($case, $dom) = @_;
    my $id = $case->{field} =~ s/^consent_.*/consent/r;
    my $words = $dom->at("#$id-fault");
    my @of = map { $_->attr('id') } @{$dom->find('.fault')};

    return $shape{$case->{field}} && !@of ? 'encoding' : "422 @of"
        if !$words;

    my ($code) = map { $_->[1] } grep { index($words->text, $_->[0]) == 0 }
                                      @words;

    return @of == 1 ? $code : "@of";
}


sub by_json {
    my ($case) = @_;
    my $fields = fields($case, $case->{typed});

    return $ua->post_p("$p->{url}/l/json-$case->{link}"
        => { 'Content-Type' => 'application/json',
             'Idempotency-Key' => "corpus-$case->{n}" }
        => '{' . join(',', map { "\"$_\":" . quoted($fields->{$_}) }
                           sort keys %$fields) . '}')->then(sub {
            my $res = $_[0]->res;

            return 'taken' if $res->code == 202;
            return $res->code if $res->code != 422;

            my $said = decode_json($res->body);

            return $said->{code} if $said->{code} ne 'invalid';
            return join(' ', map { $_->{field} eq $case->{field}
                                   ? $_->{code} : "$_->{field}.$_->{code}" }
                             @{$said->{errors}});
        });
}


# --- the writer: what an edge makes of a case, and what it must not send

my %held = (markup => 0x2, url_in_name => 0x4);

sub post_writer {
    my ($case, $value, $flags) = @_;
    my $fields = fields($case, $value);
    my $eai = $fields->{email} =~ /^[^@]*[\x80-\xff]/ ? 0x1 : 0;

    # a consent is the hash of a text, or none
    for my $box (grep { $fields->{$_} } keys %text) {
        $fields->{$box} = $fields->{$box} eq '1' ? $text{$box} : '';
    }

    my $sealed = $writer->seal(signup => slug => "writer-$case->{link}",
        locale => 'en', flags => $flags | $eai,
        map { $_ => \$fields->{$_} } sort keys %$fields);

    return $writer->post_p('/v1/signups', $sealed)->then(sub {
        my $res = $_[0]->res;

        return 'taken' if $res->code == 202;
        return $res->code . ' ' . decode_json($res->body)->{code};
    });
}


# Taken is what is sealed, with what holds it; not what was typed, unless that
# is the same; and a name that is to be held not without its flag.
sub by_writer {
    my ($case) = @_;
    my ($flags, @promises) = 0;

    $flags |= $held{$_} for $case->{want} =~ /(markup|url_in_name)/g;

    if ($case->{want} !~ /^(taken|held\.)/) {
        return Mojo::Promise->resolve($case->{want}) if wordless($case);
        return post_writer($case, $case->{typed}, 0)->then(sub {
            return $_[0] eq refusal($case) ? $case->{want} : $_[0];
        });
    }

    push(@promises, post_writer($case, $case->{typed}, $flags))
        if $case->{typed} ne $case->{sealed} && !wordless($case);
    push(@promises, post_writer($case, $case->{sealed}, 0)) if $flags;

    return Mojo::Promise->all(Mojo::Promise->resolve('first'), @promises)
        ->then(sub {
            my (undef, @said) = map { $_->[0] } @_;
            my @wrong = grep { $_ ne refusal($case) } @said;

            return @wrong ? Mojo::Promise->resolve("unsealed: @wrong")
                          : post_writer($case, $case->{sealed}, $flags);
        });
}


# A box has no other words in a record; a language that nobody named is none.
sub wordless {
    my ($case) = @_;

    return $case->{field} =~ /^consent_/
           || ($case->{field} eq 'locale' && $case->{typed} eq '');
}


sub refusal {
    my ($case) = @_;
    my $room = $room{$case->{field}} // 0;
    my $bent = $shape{$case->{field}}
               && $case->{typed} =~ /[\x00-\x1f\x7f-\xff]/;

    return '400 envelope' if $case->{field} eq 'locale' || $bent
                             || length($case->{typed}) > $room;

    # the link wants a name: that is no fault of the record
    return '422 fields' if $case->{field} eq 'name' && $case->{typed} eq '';
    return '422 record';
}


# --- all of them

subtest 'the corpus' => sub {
    my @all = grep { !wordless($_) } @cases;

    cmp_ok(scalar @all, '>=', 500, scalar(@all) . ' cases that all can say');
    cmp_ok(scalar @cases, '>', @all, scalar(@cases) . ' in all');
};

my %token = map {
    $_ => ua()->get("$p->{url}/l/form-$_")->res->dom->at('input[name=token]')
              ->attr('value')
} qw(strict wide);

sleep(2.1);                         # people type

for my $case (@cases) {
    $case->{n} = ++$n;
    $case->{token} = $token{$case->{link}};
}

my @left = @cases;

while (my @some = splice(@left, 0, 16)) {
    Mojo::Promise->all(map {
        my $case = $_;

        map {
            my ($way, $by) = @$_;

            $by->($case)->then(sub { $case->{$way} = $_[0] });
        } [form => \&by_form], [json => \&by_json], [writer => \&by_writer]
    } @some)->wait;
}


# --- what each business has

sub all_items {
    my ($way, $what) = @_;
    my (%items, $next);

    do {
        my $page = decode_json($owner{$way}->get("$p->{url}/api/v1/$what?"
            . 'limit=200' . ($next ? "&after=$next" : ''))->res->body);

        $items{lc($_->{email})} = $_ for @{$page->{items}};
        $next = $page->{next};
    } while ($next);

    return \%items;
}


my %customers = map { $_ => all_items($_, 'customers') } @ways;
my %waiting = map { $_ => all_items($_, 'held') } @ways;


sub text { return decode('UTF-8', $_[0]) }


# A row of the table: the outcome, and what the business sees.
sub row {
    my ($way, $case) = @_;
    my $email = lc(text(fields($case, $case->{shown})->{email}));
    my $held = $waiting{$way}{$email};
    my $customer = $customers{$way}{$email};

    return $case->{$way} . ($held || $customer ? ', yet there' : '')
        if $case->{$way} ne 'taken';
    return "held.$held->{reason}, $held->{name}" if $held;
    return 'taken, and lost' if !$customer;
    return 'taken, ' . ($customer->{$case->{field}} // '')
        if $case->{field} =~ /^(name|email|phone)$/;

    my $one = decode_json($owner{$way}->get(
        "$p->{url}/api/v1/customers/$customer->{id}")->res->body);
    my ($kind) = $case->{field} =~ /^consent_(.*)/;

    return 'taken, ' . join(' ', map { $_->{locale} } @{$one->{consents}})
        if $case->{field} eq 'locale';
    return 'taken, ' . (grep { $_->{kind} eq $kind } @{$one->{consents}})
        if $kind;
    return 'taken, ' . ($one->{source}{$case->{field}} // '');
}


sub wanted {
    my ($case) = @_;
    my $shown = text($case->{shown});

    return $case->{want} if $case->{want} !~ /^(taken|held\.)/;
    return ($case->{want} =~ s/,.*//r) . ', ' . ($case->{field} =~ /^consent_/ ? $shown || 0
                                                              : $shown);
}


for my $case (@cases) {
    my $name = "$case->{where} $case->{field} $case->{want}";
    my $want = wanted($case);

    is_deeply({ map { $_ => row($_, $case) } @ways },
              { map { $_ => $want } @ways }, $name);
}


# --- what only one of them can say

my $slug = "$p->{url}/l/json-wide";
my $ok = '"email":"canary-shape@x.example"';

sub json_says {
    my ($body) = @_;
    my $res = $ua->post($slug => { 'Content-Type' => 'application/json',
        'Idempotency-Key' => 'shape-' . ++$n } => $body)->res;

    return 'taken' if $res->code == 202;

    my $said = decode_json($res->body);

    return join(' ', $res->code, $said->{code},
                map { "$_->{field}.$_->{code}" } @{$said->{errors} // []});
}


sub form_says {
    my ($body) = @_;
    my $res = $ua->post("$p->{url}/l/form-wide" => { 'Content-Type' =>
        'application/x-www-form-urlencoded' } => $body)->res;

    return $res->code == 303 ? 'taken' : $res->code;
}


subtest 'JSON' => sub {
    my $type = '422 invalid';

    is(json_says($_->[0]), $_->[1], 'body: ' . substr($_->[0], 0, 60)) for
        ['', '400 malformed'], ['{', '400 malformed'], ['[]', '400 malformed'],
        ['null', '400 malformed'], ['"a"', '400 malformed'],
        ['7', '400 malformed'], ["{$ok} x", '400 malformed'],
        ["{$ok}{$ok}", '400 malformed'], ["{$ok,}", '400 malformed'],
        ["{$ok /* x */}", '400 malformed'], ["{'email':'a'}", '400 malformed'],
        ["\xef\xbb\xbf{$ok}", '400 malformed'],
        ["{$ok,\"name\":\"a\nb\"}", '400 malformed'],
        ["{$ok,\"name\":\"\\x41\"}", '400 malformed'],
        ["{$ok,\"name\":\"\\u00g0\"}", '400 malformed'],
        ["{$ok,\"name\":NaN}", '400 malformed'],
        ["{$ok,\"name\":01}", '400 malformed'],
        ["{$ok,$ok}", '400 duplicate_field'],
        ["{$ok,\"\\u0065mail\":\"b\@x.example\"}", '400 duplicate_field'],
        ["{$ok,\"phone\":null,\"phone\":null}", '400 duplicate_field'],
        ["{$ok,\"consent_sms\":true,\"consent_sms\":false}",
         '400 duplicate_field'],
        (map { ["{\"email\":$_}", "$type email.type"] } 1, 1.5, 'true', '{}',
         '[]', '["a@b.example"]', '{"a":"b"}', -0),
        ['{"email":null}', "$type email.required"],
        ['{}', "$type email.required"],
        (map { ["{$ok,\"name\":$_}", "$type name.type"] } 0, 1e9, 'true',
         'false', '{}', '[]', '["Ana"]'),
        (map { ["{$ok,\"phone\":$_}", "$type phone.type"] } 2079460958, 'true',
         '[]'),
        (map { ["{$ok,\"consent_email\":$_}", "$type consent_email.type"] }
         1, 0, '"yes"', '{}', '[true]'),
        (map { ["{$ok,\"$_\":7}", "$type $_.type"] } qw(locale placement
         utm_source utm_medium utm_campaign utm_term utm_content)),
        ["{$ok,\"name\":\"a\\ud800b\"}", '422 encoding name.encoding'],
        ["{$ok,\"name\":\"a\\udc00b\"}", '422 encoding name.encoding'],
        ["{$ok,\"name\":\"\\ud800\\u0041\"}", '422 encoding name.encoding'],
        ["{$ok,\"name\":\"\\udc00\\ud800\"}", '422 encoding name.encoding'],
        ["{$ok,\"name\":\"\\u0000\"}", '422 encoding name.encoding'],
        ["{$ok,\"x\":" . '[' x 1000 . ']' x 1000 . '}', '400 malformed'],
        ["{$ok,\"x\":" . '{"x":' x 9 . '1' . '}' x 9 . '}', '400 malformed'],
        ["{$ok," . join(',', map { "\"f$_\":1" } 1 .. 100) . '}',
         '400 malformed'];

    is(json_says($_), 'taken', substr($_, 0, 60)) for
        map { s/shape/'shape' . ++$n/er }
        "{$ok,\"is_admin\":1,\"business_id\":2}",
        "{$ok,\"x\":[[[[[1]]]]],\"y\":{\"email\":\"a\"}}",
        "{$ok,\"consent_email\":true,\"consent_sms\":false}",
        "{$ok,\"consent_email\":null,\"name\":null,\"phone\":null}",
        "{$ok,\"name\":\"\\ud83d\\ude00 \\u0041\\/\"}",
        " \t\r\n{ $ok } \r\n",
        "{\"\\u0065mail\":\"canary-shape\@x.example\"}";
};

subtest 'a form' => sub {
    my $to = "token=$token{wide}&email=canary-form\@x.example";

    is(form_says($_->[0]), $_->[1], substr($_->[0], -60)) for
        ["$to&email=b", 400], ["$to&%65mail=b", 400], ["$to&name=&name=", 400],
        ["$to&phone&phone", 400], ["$to&token=x", 400], ["$to&name=%", 400],
        ["$to&name=%4", 400], ["$to&name=%zz", 400], ["$to&%=x", 400],
        ["$to&x=%zz", 400], ["$to&x=%ff", 422],
        [$to . join('', map { "&f$_=1" } 1 .. 100), 400],
        ['', 403], ['email=a', 403], ['&&&', 403];

    is(form_says($_), 'taken', substr($_, -60)) for
        map { s/canary-form/'canary-form' . ++$n/er }
        "$to&is_admin=1&business_id=2", "&&$to&&", "$to&=&=x", "$to&NAME=x&Name",
        "$to&no_phone=1&phone=call+me", "$to&name=a%2bb+c";
};

done_testing();
