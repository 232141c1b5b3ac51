#!/usr/bin/perl

# Copyright (C) Keepers

# Forty hostile or odd inputs, each by its number: what a person, a business
# and an attacker get for it.  Where this is not what the list of them asks
# for, docs/decisions/0041 says why.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";

use Encode qw(encode);
use Keepers::Test;
use Keepers::Writer;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::Promise;
use Mojo::Util qw(url_escape);
use Test::More;
use Time::HiRes qw(sleep time);
use Unicode::Normalize qw(NFC NFD);

binmode($_, ':utf8') for map { Test::More->builder->$_ }
    qw(output failure_output todo_output);

# Clients of a test have addresses of their own, as behind a balancer, and its
# owner looks more often than people do.
my $p = start_platform(conf => sub {
    my ($file) = @_;
    my $limits = $file =~ s{[^/]+$}{keepers-limits.conf}r;

    spew($limits, slurp($limits) =~ s{(api_user\s.*?)burst=\d+}
                                     {${1}burst=2000}sr, 0644);

    spew($file, slurp($file) =~ s{(server_name  _;)}
                                 {$1 set_real_ip_from 127.0.0.1;
                                  real_ip_header X-Client;
                                  client_body_timeout 1s;}r, 0644);
});
my $writer = Keepers::Writer->of_platform($p);
my $owner = sign_in($p);
my $ua = ua()->max_connections(64);
my ($corner) = slurp("$p->{dir}/owner.env") =~ /^BUSINESS=(.*)$/m;
my ($hour_ms, $n, %done) = (3600000, 0);


# --- links, and people

sub link_add {
    my ($slug, @more) = @_;
    my ($status, $said) = operator($p, '', qw(link add --business), $corner,
        '--slug', $slug, qw(--offer Tea --locale en --country GB), @more);

    $status == 0 or die("link add: $said");
    wait_for { shown($slug) == 200 };
    return;
}

sub at { return "$p->{url}/l/$_[0]" }

# Each time somebody else: one network may read a page only so often.
sub client {
    $n++;
    return 'X-Client' => join('.', 10, $n >> 14, ($n >> 6) & 255,
                              1 + ($n & 63));
}

sub shown { return $ua->get(at($_[0]) => { client() })->res->code }

link_add('odd', qw(--phone --consent-email standard));
link_add('lasting', '--no-disposable');
link_add("many$_") for 1 .. 20;

# All that a form of an hour ago has, in bytes.
sub form {
    my (%field) = @_;
    my $slug = delete $field{slug} // 'odd';
    my %client = $field{client} ? ('X-Client' => delete $field{client})
                                : client();

    $n++;
    %field = (token => $writer->seal(ticket => slug => $slug,
                                     now_ms => int(time() * 1000) - $hour_ms),
              name => "Guest $n", email => "canary-f$n\@x.example", %field);

    return $ua->post(at($slug)
        => { 'Content-Type' => 'application/x-www-form-urlencoded', %client }
        => join('&', map { "$_=" . url_escape(encode('utf8', $field{$_})) }
                     grep { defined $field{$_} } sort keys %field))->res;
}

sub json_p {
    my (%field) = @_;
    my $slug = delete $field{slug} // 'odd';
    my $to = delete $field{to} // $p->{url};
    my $key = delete $field{key} // 'key-' . ++$n;
    my %client = $field{client} ? ('X-Client' => delete $field{client})
                                : client();

    $n++;
    return $ua->post_p("$to/l/$slug" => { 'Idempotency-Key' => $key, %client }
        => json => { name => "Guest $n", email => "canary-j$n\@x.example",
                     %field })->then(sub { $_[0]->res });
}

sub json {
    my $res;

    json_p(@_)->then(sub { $res = $_[0] })->wait;
    return $res;
}

# What both ways say: the status, and the code of a fault.
sub said {
    my (%field) = @_;
    my $form = form(%field);
    my $json = json(%field);
    my @faults = map { "$_->{field}.$_->{code}" }
                     @{$json->json->{errors} // []};
    my @marks = map { $_->attr('id') =~ s/-fault//r }
                    @{$form->dom->find('.fault[id]')};

    return join(' ', $form->code, $json->code, @faults, @marks);
}

sub found {
    my ($q, $of) = @_;

    return @{($of // $owner)->get("$p->{url}/api/v1/customers"
                                  => form => { q => $q })
                 ->res->json->{items}};
}

sub one {
    my ($customer) = found(@_);

    return $customer && $owner->get("$p->{url}/api/v1/customers/$customer->{id}"
                                    )->res->json;
}

sub held {
    my ($email, $of) = @_;

    return grep { $_->{email} eq $email }
                @{($of // $owner)->get("$p->{url}/api/v1/held?limit=200")
                      ->res->json->{items}};
}

sub metric {
    my ($name) = @_;
    my $text = ua()->get("$p->{url}/keepers/status")->res->body;

    return $text =~ /^\Q$name\E (\d+)$/m ? $1 : 0;
}

# The name of an address, wherever the signup is.
sub name_of {
    my ($email) = @_;
    my ($one) = (found($email), held($email));

    return $one && $one->{name};
}

sub input {
    my ($number, $what, $test) = @_;

    $done{$number}++;
    subtest("input $number: $what", $test);
    return;
}


# --- 1 to 7: names

input 1, 'a name that a table would calculate' => sub {
    for my $name ('=HYPERLINK("http://e","x")', '+1+1', '-2', '@SUM(A1)') {
        my $email = 'canary-calc' . ++$n . '@x.example';

        is(form(name => $name, email => $email)->code, 303, "$name: thanked");
        is(name_of($email), $name, "$name: as it was typed");
    }

    is(said(name => "a$_" . 'b'), '422 422 name.control name',
       sprintf('with U+%04X', ord)) for "\t", "\r", "\n";
    is(form(name => "a\0b")->code, 422, 'with NUL, a form');
    is(json(name => "a\0b")->code, 422, 'and JSON');
    is(form(name => "\t Tab", email => 'canary-tab@x.example')->code, 303,
       'blanks around it');
    is(name_of('canary-tab@x.example'), 'Tab', 'are not of the name');
};

input 2, 'a name with markup' => sub {
    for my $name ('<script>alert(1)</script>', '"><img onerror=x src=y>') {
        my $email = 'canary-markup' . ++$n . '@x.example';

        is(form(name => $name, email => $email)->code, 303, 'thanked');

        my ($held) = held($email);

        is($held->{name}, $name, 'kept as it was typed');
        is($held->{reason}, 'markup', 'for the business to look at');

        my $page = form(name => $name, email => 'x');

        unlike($page->body, qr/<script>alert|<img/, 'escaped on the page');
        is($page->dom->at('#name')->{value}, $name, 'and whole');
        like($page->headers->header('Content-Security-Policy'),
             qr/default-src 'none'/, 'where no script would run');
    }
};

input 3, 'names of people' => sub {
    for my $name ("O'Connor-Nuñez", 'X', 'Ng', '李', 'محمد',
                  "علی\x{200c}رضا")
    {
        my $email = 'canary-people' . ++$n . '@x.example';

        is(form(name => $name, email => $email)->code, 303, "$name: thanked");
        is(name_of($email), NFC($name), "$name: kept");
        ok((grep { $_->{email} eq $email } found($name)), "$name: found");
    }
};

input 4, 'one name in two forms' => sub {
    my @email = ('canary-nfd@x.example', 'canary-nfc@x.example');

    form(name => NFD('José Árbol'), email => $email[0]);
    form(name => NFC('José Árbol'), email => $email[1]);
    is(name_of($_), NFC('José Árbol'), "$_: the same bytes") for @email;
    is(scalar(found($_)), 2, 'either finds both')
        for NFD('josé árbol'), NFC('JOSÉ ÁRBOL');
};

input 5, 'what no one sees' => sub {
    is(said(name => "a$_" . 'b'), '422 422 name.control name',
       sprintf('U+%04X', ord))
        for "\x{202e}", "\x{2066}", "\x1b";
    is(form(name => "a\x{fffe}b")->code, 422, 'U+FFFE, a form');
    is($ua->post(at('odd') => { client(), 'Idempotency-Key' => 'fffe',
        'Content-Type' => 'application/json' } => '{"name":"a\ufffeb",'
        . '"email":"a@b.co"}')->res->json->{errors}[0]{code}, 'control',
       'and JSON');
    like(form(name => "a\x{202e}b")->dom->at('#name-fault')->text,
         qr/character that cannot be kept/, 'in words');
};

input 6, 'long names' => sub {
    is(said(name => 'a' . "\x{301}" x 500), '422 422 name.too_long name',
       'one letter, 500 marks');
    is(said(name => 'a' x 101), '422 422 name.too_long name', '101 letters');
    is(said(name => 'a' x 100), '303 202', 'a hundred');
    is(said(name => '李' x 134), '422 422 name.too_long name', '402 bytes');
};

input 7, 'a name that sells' => sub {
    is(form(name => 'Win $$$ http://evil.example',
            email => 'canary-win@x.example')->code, 303, 'thanked');
    is((held('canary-win@x.example'))[0]{reason}, 'url_in_name', 'held');
};


# --- 8 to 14: addresses

input 8, 'one person, one address' => sub {
    is(form(email => ' Canary-Ana+cafe@X.EXAMPLE ', name => 'Ana')->code, 303,
       'thanked');
    is(form(email => 'CANARY-ANA+CAFE@x.example', name => 'Ana')->code, 303,
       'again, in capitals');
    is(form(email => 'canary-ana@x.example', name => 'Ana')->code, 303,
       'and without the plus');

    my @ana = sort map { $_->{email} } found('canary-ana');

    is("@ana", 'Canary-Ana+cafe@x.example canary-ana@x.example',
       'are two, as typed, the domain in lower case');
};

input 9, 'addresses of the world' => sub {
    my %stored = ('josé@canary-w.example' => ['josé@canary-w.example', 'eai'],
                  'a@canary-bücher.de' => ['a@xn--canary-bcher-klb.de', ''],
                  'пример@пример.рф' => ['пример@xn--e1afmkfd.xn--p1ai',
                                         'eai']);

    for my $typed (sort keys %stored) {
        my ($email, $flags) = @{$stored{$typed}};

        is(form(email => $typed, name => "W$typed")->code, 303,
           "$typed: thanked");

        my ($one) = found("W$typed");

        is($one->{email}, $email, "$typed: stored");
        is("@{$one->{flags}}", $flags, "$typed: flags");
    }
};

input 10, 'no addresses' => sub {
    is(said(email => $_), '422 422 email.syntax email', $_)
        for 'a@b', 'a@-b.com', 'a@b..com', '"a b"@x.com', 'a@[127.0.0.1]',
            'a b@x.com';
    is(said(email => 'canary-a..b@docomo.ne.jp'), '303 202', 'but two dots');
};

input 11, 'headers of a mail' => sub {
    my $name = 'keepers_header_injections_total';
    my $before = metric($name);

    is(said(email => "a\@x.com\r\nBcc: v\@y.com"),
       '422 422 email.syntax email', 'refused');
    is(metric($name), $before + 2, 'and counted');
    is(said(email => 'a b@x.com'), '422 422 email.syntax email', 'a slip');
    is(metric($name), $before + 2, 'is not');
};

input 12, 'long addresses' => sub {
    is(said(email => 'a' x 65 . '@x.example'), '422 422 email.too_long email',
       'a local part of 65');
    is(said(email => 'a@' . join('.', ('x' x 62) x 4) . '.x'),
       '422 422 email.too_long email', 'more than 254');
};

input 13, 'gmial.com' => sub {
    my $res = form(email => 'canary-slip@gmial.com', name => 'Slip');

    is($res->code, 303, 'joined, without another step');
    is($res->headers->location, '/l/odd/thanks?mail=gmail.com',
       'no word of hers is in the address');

    my $thanks = $ua->get($p->{url} . $res->headers->location)->res->dom;

    like($thanks->at('.ask p')->text, qr/Did you mean gmail\.com\?/, 'asked');
    is($thanks->at('.ask a')->{href}, '/l/odd', 'and the way to change it');
    is("@{(found('canary-slip'))[0]{flags}}", 'typo', 'the business sees it');

    my $german = form(email => 'canary-slip2@outlok.com', locale => 'de');

    is($german->headers->location, '/l/odd/thanks?mail=outlook.com',
       'another provider');

    for my $mail ('evil.example', 'gmail.com%22%3E', '', 'gmail.co', '%00') {
        my $res = $ua->get(at('odd') . "/thanks?mail=$mail")->res;

        ok(!$res->dom->at('.ask'), "nobody is asked about \"$mail\"");
        unlike($res->body, qr/evil/, 'nor is it shown');
    }

    is(json(email => 'canary-slip3@gmial.com')->body,
       json(email => 'canary-slip4@x.example')->body,
       'a program gets the same bytes as ever');
};

input 14, 'addresses for an hour' => sub {
    my %flags = ('duck.com' => '', 'privaterelay.appleid.com' => '',
                 'mailinator.com' => 'disposable',
                 'canary.mailinator.com' => 'disposable');

    for my $domain (sort keys %flags) {
        my $email = "canary-hour\@$domain";

        is(form(email => $email)->code, 303, "$domain: thanked");
        is("@{(found($email))[0]{flags}}", $flags{$domain},
           "$domain: the business sees " . ($flags{$domain} || 'nothing'));
    }

    is(said(slug => 'lasting', email => 'canary-a@mailinator.com'),
       '422 422 email.disposable email', 'refused if the link says so');
    like(form(slug => 'lasting', email => 'canary-a@mailinator.com')
             ->body, qr/still be yours/, 'in words');
    is(said(slug => 'lasting', email => 'canary-a@duck.com'), '303 202',
       'a relay never is');
};


# --- 15 to 24: phones, fields, keys, tokens

input 15, 'one phone in many ways' => sub {
    my $e164 = '+442079460958';

    for my $typed ('(020) 7946 0958', '0044 20 7946 0958',
                   '+44 (0)20 7946 0958', '٠٢٠٧٩٤٦٠٩٥٨',
                   '０２０－７９４６－０９５８')
    {
        my $email = 'canary-phone' . ++$n . '@x.example';

        is(form(email => $email, phone => $typed)->code, 303,
           "$typed: thanked");

        my $one = one($email);

        is($one->{phone}, $e164, "$typed: read");
        is($one->{phone_typed}, $typed, "$typed: kept as it was typed");
        ok((grep { $_->{email} eq $email } found('2079460958')),
           "$typed: found");
    }
};

input 16, 'no phones' => sub {
    my %phone = (email => 'canary-nophone@x.example');

    for my $typed ('+99999999999999999', 'call me', '07911 123456 x12') {
        my $page = form(%phone, phone => $typed);

        is($page->code, 422, "$typed: looked at again");
        is($page->dom->at('#phone')->{value}, $typed, "$typed: kept");
        is(scalar @{$page->dom->find('form button')}, 2, "$typed: two ways");
        is(json(%phone, phone => $typed)->json->{errors}[0]{code}, 'possible',
           "$typed: JSON");
    }

    is(form(%phone, phone => 'call me', no_phone => 1)->code, 303,
       'joined without');
    is(one($phone{email})->{phone}, undef, 'and has none');
};

input 17, 'fields of nobody, and fields twice' => sub {
    my $before = metric('keepers_fields_unknown_total');

    is(form(is_admin => 1, business_id => 2)->code, 303, 'ignored');
    is(metric('keepers_fields_unknown_total'), $before + 2, 'and counted');

    my $res = $ua->post(at('odd') => { client(), 'Content-Type' =>
        'application/x-www-form-urlencoded' } => 'email=a&email=b')->res;

    is($res->code, 400, 'a field twice');
};

# Another host of the same platform, without limits.
my $host = start_nginx(<<"END" . <<'END');
    keepers_zone           2m;
    keepers_key_file       $p->{dir}/keys/edge.keys;
    keepers_writer_key     $p->{dir}/keys/writer.pub;
    keepers_redis          unix:$p->{redis_socket} user=edge
                           password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout  1s;
    upstream writer { server unix:$p->{writer_socket}; keepalive 8; }
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location ~ "^/l/(?<slug>[^/]+)$" {
            keepers_link        $slug;
            set                 $up writer;
            proxy_http_version  1.1;
            proxy_set_header    Connection "";
            proxy_pass          http://$up/v1/signups;
        }
    }
END

wait_for { $ua->get("$host->{url}/l/odd")->res->code == 200 };

input 18, 'one form to two hosts' => sub {
    my %form = (name => 'Twin', email => 'canary-twin@x.example',
                token => $writer->seal(ticket => slug => 'odd',
                                       now_ms => int(time() * 1000) - 9000));
    my @said;

    Mojo::Promise->all(map {
        my $ms = $_->[1];
        my $url = "$_->[0]/l/odd";

        Mojo::Promise->timer($ms / 1000)->then(sub {
            return $ua->post_p($url => { client() } => form => \%form);
        })->then(sub {
            push(@said, $_[0]->res->code . ' ' . $_[0]->res->headers->location);
        });
    } [$p->{url}, 0], [$host->{url}, 5])->wait;

    is("@said", '303 /l/odd/thanks 303 /l/odd/thanks', 'both are thanked');
    is(scalar(found('canary-twin')), 1, 'one has joined');
    is(scalar @{one('canary-twin')->{links}}, 1, 'once');
};

input 19, 'a program that tries again' => sub {
    my %one = (key => 'again', name => 'Again',
               email => 'canary-again@x.example');
    my ($first, $again) = map { json(%one) } 1 .. 2;

    is($first->code, 202, 'received');
    is($again->code . $again->body, '202' . $first->body, 'the same again');

    my $other = json(%one, name => 'Other');

    is($other->code . ' ' . $other->json->{code}, '422 key_reused',
       'another body');

    my $none = $ua->post(at('odd') => { client() } => json => {})->res;

    is($none->code, 400, 'no key');
    is($none->json->{code}, 'idempotency_key_missing', 'by name');

    pause($p->{writer});

    my ($busy, $late);
    my $going = json_p(%one, key => 'slow', email => 'canary-slow@x.example')
        ->then(sub { $late = $_[0] });

    Mojo::Promise->timer(0.3)->then(sub {
        return json_p(%one, key => 'slow', email => 'canary-slow@x.example');
    })->then(sub {
        $busy = $_[0];
        resume($p->{writer});
        return $going;
    })->wait;

    is($busy->code, 409, 'while it is under way');
    is($busy->headers->header('Retry-After'), 1, 'in a second');
    is($late->code, 202, 'the first is received');
};

input 20, 'a stranger signs her up again' => sub {
    my %first = (email => 'canary-same@x.example', name => 'First',
                 phone => '020 7946 0958');
    my $new = form(email => 'canary-fresh@x.example');

    form(%first);

    my $known = form(%first, name => 'Stranger', phone => '020 7946 0000');

    # the time, and what remains of each one's own budget
    $_->headers->remove('Date')->remove('RateLimit') for $new, $known;
    is($known->build_start_line . $known->headers->to_string,
       $new->build_start_line . $new->headers->to_string, 'the same bytes');

    my $one = one('canary-same@');

    is($one->{name}, 'First', 'nothing is other than it was');
    is($one->{changes}[0]{name}, 'Stranger', 'a change waits');
};

# To one host, and few; a thousand, to two, are in t/344-signup-hosts.t.
input 21, 'many at once, by twenty links' => sub {
    my %codes;
    my @left = map { { slug => 'many' . (1 + $_ % 20), to => $host->{url},
                       name => 'Throng', email => 'canary-throng@x.example' }
                   } 1 .. 200;
    my $next;

    $next = sub {
        my $one = shift(@left) or return Mojo::Promise->resolve;

        return json_p(%$one)->then(sub {
            $codes{$_[0]->code}++;
            return $next->();
        });
    };

    Mojo::Promise->all(map { $next->() } 1 .. 50)->wait;

    is_deeply(\%codes, { 202 => 200 }, 'all are received');
    is(scalar(found('canary-throng')), 1, 'one customer');
    is(scalar @{one('canary-throng')->{links}}, 20, 'of twenty links');
};

input 22, 'tokens' => sub {
    my %page = (name => 'Kept', email => 'canary-token@x.example');
    my $day = int(time() * 1000) - 25 * $hour_ms;
    my %token = ('forged' => 'x' x 60, 'none' => undef,
                 'of another link' => $writer->seal(ticket => slug => 'many1'),
                 'a day old' => $writer->seal(ticket => slug => 'odd',
                                              now_ms => $day));

    for my $what (sort keys %token) {
        my $page = form(%page, token => $token{$what});

        is($page->code, $what eq 'a day old' ? 200 : 403, "$what: the form");
        is($page->dom->at('#email')->{value}, $page{email}, "$what: kept");
        isnt($page->dom->at('[name=token]')->{value}, $token{$what} // '',
             "$what: a new token");
    }

    is(scalar(found('canary-token')), 0, 'nobody has joined');
};

sub tap {
    my (%more) = @_;
    my $now = $writer->seal(ticket => slug => 'odd',
                            now_ms => int(time() * 1000) - ($more{age} // 300));
    my %who = (name => 'Tap', email => $more{email}, %{$more{field} // {}});
    my $page = form(%who, token => $now);
    my $dom = $page->dom;

    is($page->code, 200, 'one more tap');
    ok($dom->at('.tap button'), 'with a button for it');
    is(scalar(found($who{email})), 0, 'nobody has joined yet');

    my $sent = wait_for {
        my $res = form(%who, token => $dom->at('[name=token]')->{value});

        return $res->code == 303 && $res;
    };

    ok($sent, 'is enough');
    return;
}

input 23, 'a phone fills the form at once' => sub {
    tap(email => 'canary-fast@x.example');
    is(scalar(found('canary-fast')), 1, 'joined');
    is(scalar(held('canary-fast@x.example')), 0, 'and not held');
};

input 24, 'a password manager fills the trap' => sub {
    tap(email => 'canary-trap@x.example', age => $hour_ms,
        field => { website_confirm => 'https://x.example' });
    is((held('canary-trap@x.example'))[0]{reason}, 'honeypot',
       'the business decides, for 14 days');
};


# --- 25 to 30: many, much, and odd bytes

# Runs one of these for each of so many, a few at a time.
sub each_of {
    my ($many, $at_once, $one) = @_;
    my $next = 0;
    my $go;

    $go = sub {
        my $i = $next++;

        return $i < $many ? $one->($i)->then($go) : Mojo::Promise->resolve;
    };

    Mojo::Promise->all(map { $go->() } 1 .. $at_once)->wait;
    return;
}

input 25, 'two hundred in a cafe' => sub {
    my %cafe = ('X-Client' => '203.0.113.7');
    my (%codes, @tokens);

    link_add('cafe');

    each_of(200, 16, sub {
        my ($i) = @_;

        return $ua->get_p(at('cafe') => \%cafe)->then(sub {
            $tokens[$i] = $_[0]->res->dom->at('[name=token]')->{value};
        });
    });

    sleep(2.1);                         # people type

    each_of(200, 16, sub {
        my ($i) = @_;

        return $ua->post_p(at('cafe') => \%cafe, form => {
            token => $tokens[$i], name => "Cafe $i",
            email => "canary-cafe$i\@x.example" })
            ->then(sub { $codes{$_[0]->res->code}++ });
    });

    is_deeply(\%codes, { 303 => 200 }, 'all are thanked');
};

input 26, 'five hundred addresses, three times each' => sub {
    my (%codes, $tap);

    link_add('stormed');

    each_of(1500, 32, sub {
        my ($i) = @_;

        return json_p(slug => 'stormed', email => "canary-bot$i\@x.example",
                      client => '198.51.' . (100 + $i % 2) . '.'
                                . (1 + ($i >> 1) % 250))
            ->then(sub { $codes{$_[0]->code}++ });
    });

    cmp_ok($codes{202}, '>=', 1200, 'the budget of the link');
    cmp_ok($codes{429}, '>', 0, 'and then programs wait');
    is($codes{202} + $codes{429}, 1500, 'nothing else');

    my %who = (slug => 'stormed', name => 'Real',
               email => 'canary-real@x.example');
    my $res = form(%who);

    if ($res->code == 200) {            # the budget fills, too
        $tap = $res->dom->at('[name=token]')->{value};
        is($res->dom->at('#email')->{value}, $who{email}, 'a person taps');
        sleep(2.1);
        $res = form(%who, token => $tap);
    }

    is($res->code, 303, 'and joins, with a tap at most');
    is(scalar(found('canary-real')), 1, 'as a customer');
};

# A business of its own, with a link of that name and its owner.
sub shop {
    my ($slug) = @_;
    my %do = (email => "canary-$slug\@owner.example",
              password => 'canary-long-password');
    my (undef, $out) = operator($p, "$do{password}\n", qw(account add --role
        owner --business), "Shop $slug", '--email', $do{email});
    my ($id) = $out =~ /business=(\S+)/ or die("account add: $out");

    operator($p, '', qw(link add --offer Tea --business), $id, '--slug', $slug);
    wait_for { shown($slug) == 200 };

    return sign_in($p, $do{email}, $do{password});
}

my %shop = map { $_ => shop($_) } map { "shop$_" } 1 .. 6;

input 27, 'a victim at one business after another' => sub {
    my (%bodies, $customers, $held);
    my @slugs = sort keys %shop;

    each_of(100, 4, sub {
        my ($i) = @_;

        return json_p(slug => $slugs[$i % 6], name => 'Victim',
                      email => 'canary-victim@x.example')
            ->then(sub { $bodies{$_[0]->code . $_[0]->body}++ });
    });

    is(scalar keys %bodies, 1, 'each is told the same');
    $customers += found('canary-victim', $_) for values %shop;
    $held += held('canary-victim@x.example', $_) for values %shop;
    cmp_ok($customers, '<=', 5, 'few have a new customer');
    cmp_ok($held, '>=', 1, 'the others decide, each for itself');
};

sub raw_says {
    my ($head, $body, $timeout_s) = @_;
    my ($first) = raw($p->{nginx}{port}, "POST /l/odd HTTP/1.1\r\nHost: x\r\n"
                      . "Connection: close\r\n$head\r\n\r\n$body",
                      $timeout_s // 10) =~ m{\AHTTP/\S+ (\d+)};

    return $first;
}

input 28, 'too much, too many, too slow' => sub {
    my $form = 'Content-Type: application/x-www-form-urlencoded';
    my $accepted = metric('keepers_signups_total{outcome="accepted"}');

    is(raw_says("$form\r\nContent-Length: 1048576", 'a=' . 'x' x 1000), 413,
       'a megabyte is told so before it comes');
    is(raw_says("$form\r\nContent-Length: 30000", 'a=&' x 10000), 413,
       'ten thousand fields are too much');
    is(raw_says("$form\r\nContent-Length: 12000", 'a=&' x 4000), 400,
       'four thousand are too many');
    is(raw_says("$form\r\nContent-Length: 500", 'a', 30), undef,
       'who sends no more is sent away');
    ok((wait_for { logs(qr/ 408 /) }), 'which is a 408 in the log');
    is(raw_says("$form\r\nContent-Length: 3\r\nTransfer-Encoding: chunked",
                "0\r\n\r\nGET /l/odd HTTP/1.1\r\n"), 400, 'two lengths');
    is(metric('keepers_signups_total{outcome="accepted"}'), $accepted,
       'none came to the writer');
};

input 29, 'odd types and odd bytes' => sub {
    my $post = sub {
        my ($type, $body) = @_;
        my $res = $ua->post(at('odd') => { client(), 'Content-Type' => $type,
            'Idempotency-Key' => 'odd' . ++$n } => $body)->res;

        return join(' ', $res->code, ($res->json // {})->{code} // ());
    };
    my $json = 'application/json';
    my $token = $writer->seal(ticket => slug => 'odd');

    is($post->('text/plain', 'a'), '415 media_type', 'text');
    is($post->('multipart/form-data; boundary=x', "--x--\r\n"),
       '415 media_type', 'a file');
    is($post->($json, '{"email":"a@b.co","email":"b@b.co"}'),
       '400 duplicate_field', 'a key twice');
    is($post->($json, '{"x":' . '[' x 1000 . ']' x 1000 . '}'),
       '400 malformed', 'deep');
    is($post->($json, '{"email":"a@b.co","name":"\ud800"}'), '422 encoding',
       'half a letter');
    is($post->('application/x-www-form-urlencoded',
               "token=$token&email=a\@b.co&name=%C3%28"), '422',
       'no letter');
};

input 30, 'where somebody is' => sub {
    my %net = ('198.51.100.77' => '198.51.100.0/24',
               '2001:db8:1:2::3' => '2001:db8:1::/48');
    my @seen;

    for my $client (sort keys %net) {
        my $email = 'canary-net' . ++$n . '@x.example';
        my $ua = ua();

        # a name in a header that nobody trusts
        $ua->on(start => sub {
            $_[1]->req->headers->header('X-Forwarded-For' => '9.9.9.9');
        });
        is($ua->post(at('odd') => { 'X-Client' => $client,
            'Idempotency-Key' => "net$n" } => json => { name => 'Net',
            email => $email, consent_email => \1 })->res->code, 202,
           "$client: received");
        push(@seen, one($email));
        is($seen[-1]{consents}[0]{network}, $net{$client},
           'the consent has the network, roughly');
    }

    unlike(encode_json(\@seen), qr/9\.9\.9|100\.77/, 'and nothing else');
};


# --- 31 to 33: addresses of links

input 31, 'a name in the address of a page' => sub {
    my $page = $ua->get(at('odd') . '?email=canary-url@b.c&name=N&placement=p'
                        => { client() })->res;

    is($page->code, 200, 'the page');
    is($page->dom->at("#$_")->{value}, '', "no $_") for qw(name email);
    is($page->dom->at('[name=placement]')->{value}, 'p', 'the poster');
    unlike($page->body, qr/canary-url/, 'nowhere on it');
};

input 32, 'odd links' => sub {
    my $get = sub { return $ua->get("$p->{url}$_[0]" => { client() })->res };
    my $unknown = $get->('/l/nobody');

    is($unknown->code, 404, 'unknown');
    operator($p, '', qw(link delete --slug many20));
    ok((wait_for { shown('many20') == 404 }), 'deleted');
    is($get->('/l/many20')->body, $unknown->body, 'looks the same');
    is((map { raw($p->{nginx}{port}, "GET $_ HTTP/1.0\r\n\r\n")
              =~ m{\AHTTP/\S+ (\d+)} } '/l/%2e%2e')[0], $get->('/')->code,
       'dots are the root of the host, and no link');
    is($get->('/l/ODD?utm_term=a')->code, 301, 'capitals');
    is($get->('/l/ODD')->headers->location, '/l/odd', 'to the one it means');

    my $slash = $get->('/l/odd/?placement=a%26b');

    is($slash->code . ' ' . $slash->headers->location,
       '301 /l/odd?placement=a%26b', 'a slash behind it');
    is($get->('/l/caf%C3%A9/')->code, 404, 'no slug is not in ASCII');
    is($get->('/l/a%0d%0aX:1/')->code, 404, 'nor has a line break');
    is($get->('/l/' . 'a' x 10240)->code, 414, 'ten kilobytes');
};

input 33, 'closed between page and form' => sub {
    link_add('closing');
    operator($p, '', qw(link close --slug closing));
    ok((wait_for { shown('closing') == 410 }), 'closed');

    my $form = form(slug => 'closing', email => 'canary-closed@x.example');
    my $json = json(slug => 'closing', email => 'canary-closed@x.example');

    is($form->code, 410, 'a form');
    ok(!$form->dom->at('form'), 'comes to a page without one');
    is($json->code . ' ' . $json->json->{code}, '410 link_closed', 'JSON');
    is(scalar(found('canary-closed')), 0, 'nobody has joined');
};


# --- 34 to 40: what fails, and what is another's

input 34, 'Redis is lost, and is back' => sub {
    my $before = metric('keepers_limits_total{verdict="degraded"}');

    kill_hard($p->{redis});
    is(shown('odd'), 200, 'the page is there');
    is(form(email => 'canary-less@x.example')->code, 303, 'and thanks');
    cmp_ok(metric('keepers_limits_total{verdict="degraded"}'), '>', $before,
           'limits are counted here');

    my $closed = $owner->get("$p->{url}/dashboard/")->res;

    is($closed->code, 503, 'the dashboard is closed');
    ok($closed->headers->header('Retry-After'), 'for a while');
    restart($p->{redis});
    $owner = undef;
    ok((wait_for { $owner = eval { sign_in($p) } }), 'it is back');
    is(scalar(found('canary-less')), 1, 'and she has joined');
};

input 35, 'the writer is lost, and is back' => sub {
    my %one = (email => 'canary-spooled@x.example');
    my $token = $writer->seal(ticket => slug => 'odd',
                              now_ms => int(time() * 1000) - $hour_ms);

    is(form(email => 'canary-killed@x.example')->code, 303, 'thanked');
    kill_hard($p->{writer});
    ok((wait_for { form(%one, name => 'Spooled')->code == 303 }),
       'without it people are thanked too');
    stop($p->{redis});

    my %both = (email => 'canary-both@x.example', name => 'Both',
                token => $token);
    my $page = form(%both);

    is($page->code, 503, 'without Redis as well they are not');
    is($page->dom->at('#email')->{value}, $both{email}, 'the form is kept');
    is($page->dom->at('[name=token]')->{value}, $token, 'and its token');
    restart($p->{redis});
    restart($p->{writer});
    ok((wait_for { form(%both)->code == 303 }), 'which is good later');
    ok((wait_for { $owner = eval { sign_in($p) } }), 'the owner looks');
    is(scalar(found('canary-killed')), 1, 'killed: nothing is lost');
    is(scalar(found('canary-both')), 1, 'the token: once');
};

input 36, 'a scanner follows every link' => sub {
    my $page = $ua->get(at('odd') => { client() })->res;
    my $total = $owner->get("$p->{url}/api/v1/summary")->res->json->{total};
    my %form = map { $_->{name} => $_->{value} // '' }
               @{$page->dom->find('form [name]')};

    isnt($ua->post(at('odd') => { client() }, form => \%form)->res->code, 303,
         'and sends every form as it is');
    $ua->get("$p->{url}$_" => { client() })
        for qw(/l/odd/thanks /l/odd/thanks?mail=gmail.com /l/odd?lang=de);
    is($owner->get("$p->{url}/api/v1/summary")->res->json->{total}, $total,
       'nobody has joined by it');
};

input 37, 'sessions that are no good' => sub {
    my $me = sign_in($p);

    is($me->delete("$p->{url}/api/v1/sessions"
                   => { Origin => $p->{url} })->res->code, 204,
       'all others are signed out');

    my $there = wait_for {
        my $res = $owner->get("$p->{url}/dashboard/"
                              => { Accept => 'text/html' })->res;

        return $res->code == 303 && $res;
    };

    like($there->headers->location, qr{^/signin}, 'and sent to sign in');
    $owner = $me;
    is($ua->get("$p->{url}/dashboard/" => { Cookie => 'a=' . 'x' x 1000000 })
          ->res->code, 400, 'a megabyte of a cookie');
};

input 38, 'a customer of another business' => sub {
    my $id = one('canary-both@')->{id};
    my $foreign = $shop{shop1}->get("$p->{url}/api/v1/customers/$id")->res;
    my $nobody = $shop{shop1}->get("$p->{url}/api/v1/customers/"
                                   . ($id =~ s/....$/0000/r))->res;

    is($foreign->code, 404, 'is not there');
    is($foreign->body, $nobody->body, 'like one who never was');
    is($shop{shop1}->delete("$p->{url}/api/v1/customers/$id"
                            => { Origin => $p->{url} })->res->code, 404,
       'and cannot be erased');
    is(scalar(found('canary-both')), 1, 'by anyone else');
};

input 39, 'an export that fails' => sub {
    is($owner->get("$p->{url}/api/v1/exports")->res->code, 404,
       'there are none yet');
};

input 40, 'erased is erased' => sub {
    my $one = one('canary-both@');

    is($owner->delete("$p->{url}/api/v1/customers/$one->{id}"
                      => { Origin => $p->{url} })->res->code, 204, 'erased');
    is(scalar(found('canary-both')), 0, 'not found');
    is(sql($p, "SELECT count(*) FROM customers WHERE hex(id) = '"
           . uc($one->{id} =~ s/-//gr) . "'"), 0, 'nor in the database');
};

is_deeply([sort { $a <=> $b } keys %done], [1 .. 40], 'all forty');

done_testing();
