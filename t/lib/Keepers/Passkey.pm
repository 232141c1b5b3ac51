package Keepers::Passkey;

# Copyright (C) Keepers

# An authenticator in software, and the browser before it; the cryptography is
# CryptX's, which is not what the writer uses.
#
#     my $key = Keepers::Passkey->new(kind => 'es256', rp => 'a.example',
#                                     origin => 'https://a.example');
#     $key->create($options);         # the text of an answer
#     $key->get($options, counter => 7, origin => 'https://evil.example');
#
# What is named behind the options is a lie, told for once.

use strict;
use warnings;

use Crypt::Mac::BLAKE2b qw(blake2b);
use Crypt::PK::ECC;
use Crypt::PK::Ed25519;
use Crypt::PK::RSA;
use Crypt::PRNG qw(random_bytes);
use Digest::SHA qw(sha256);
use MIME::Base64 qw(decode_base64 decode_base64url encode_base64url);
use Mojo::JSON qw(encode_json false);

my $up_uv = 0x05;
my $attested = 0x40;


sub new {
    my ($class, %self) = @_;

    return bless({ kind => 'es256', counter => 1,
                   id => random_bytes(32), pair(\%self), %self }, $class);
}


sub pair {
    my ($self) = @_;
    my $kind = $self->{kind} // 'es256';

    if ($kind eq 'es256') {
        my $pk = Crypt::PK::ECC->new;

        $pk->generate_key('secp256r1');
        return (pk => $pk);
    }

    if ($kind eq 'eddsa') {
        return (pk => Crypt::PK::Ed25519->new->generate_key);
    }

    my $pk = Crypt::PK::RSA->new;

    $pk->generate_key(256, 65537);
    return (pk => $pk);
}


# COSE_Key, RFC 9053.
sub cose {
    my ($self) = @_;
    my $kind = $self->{kind};

    if ($kind eq 'es256') {
        my $raw = $self->{point} // $self->{pk}->export_key_raw('public');

        return pack('H*', 'a5010203262001215820') . substr($raw, 1, 32)
               . pack('H*', '225820') . substr($raw, 33);
    }

    if ($kind eq 'eddsa') {
        return pack('H*', 'a4010103272006215820')
               . $self->{pk}->export_key_raw('public');
    }

    my $n = pack('H*', $self->{pk}->key2hash->{N});

    return pack('H*', 'a401030339010020590100') . $n
           . pack('H*', '2143010001');
}


sub data {
    my ($self, $flags, $rest, %lie) = @_;

    return sha256($lie{rp} // $self->{rp}) . chr($lie{flags} // $flags)
           . pack('N', $lie{counter} // $self->{counter}) . $rest;
}


sub client {
    my ($self, $type, $options, %lie) = @_;

    return $lie{client} // encode_json({
        type => $lie{type} // $type,
        challenge => $lie{challenge} // $options->{challenge},
        origin => $lie{origin} // $self->{origin},
        crossOrigin => $lie{cross} // false,
        $lie{top} ? (topOrigin => $lie{top}) : (),
        other_keys_can_be_added_here => { nested => [1] },
    });
}


sub create {
    my ($self, $options, %lie) = @_;
    my $id = $self->{id};
    my $data = $self->data($up_uv | $attested, "\0" x 16
                           . pack('n', length($id)) . $id
                           . ($lie{cose} // $self->cose)
                           . ($lie{more} // ''), %lie);
    my $fmt = $lie{fmt} // 'none';
    my %part = (fmt => "\x63fmt" . chr(0x60 | length($fmt)) . $fmt,
                statement => "\x67attStmt" . ($lie{statement} // "\xa0"),
                data => "\x68authData\x59" . pack('n', length($data)) . $data);
    my $object = $lie{object} // join('', "\xa3",
        (map { $part{$_} } @{$lie{order} // [qw(fmt statement data)]}),
        $lie{behind} // '');

    return join('.', $lie{state} // $options->{state}, map {
        encode_base64url($_)
    } $self->client('webauthn.create', $options, %lie), $object);
}


sub get {
    my ($self, $options, %lie) = @_;

    $self->{counter}++ if $self->{counter} && !exists $lie{counter};

    my $data = $lie{data} // $self->data($up_uv, $lie{more} // '', %lie);
    my $client = $self->client('webauthn.get', $options, %lie);
    my $signed = $data . sha256($client);
    my $by = $lie{by} // $self;
    my $signature = $lie{signature} // $by->sign($signed);

    return join('.', $lie{state} // $options->{state}, map {
        encode_base64url($_)
    } $lie{said} // $client, $lie{id} // $self->{id}, $data, $signature,
      $lie{handle} // $self->{handle} // '');
}


sub sign {
    my ($self, $bytes) = @_;

    return $self->{kind} eq 'eddsa' ? $self->{pk}->sign_message($bytes)
         : $self->{kind} eq 'rs256'
           ? $self->{pk}->sign_message($bytes, 'SHA256', 'v1.5')
         : $self->{pk}->sign_message($bytes, 'SHA256');
}


# Under the master key, as the writer would have asked then.
sub challenge {
    my (%of) = @_;
    my ($line) = grep { /:/ } split(/\n/, $of{master});
    my ($key) = map { decode_base64($_) } $line =~ /:(\S+)/;
    my $label = blake2b(32, $key, 'keepers passkey challenge 1');
    my $random = random_bytes(32);
    my $asked = pack('Q>', $of{asked_ms});
    my $user = pack('H*', ($of{user} // '0' x 32) =~ s/-//gr);
    my $mac = blake2b(32, $label, chr($of{purpose}) . $user
                      . chr($of{sid} // 0) x 8 . $asked . $random);

    return { challenge => encode_base64url($random),
             state => encode_base64url($asked . $random . $mac) };
}


1;
