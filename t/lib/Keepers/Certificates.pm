package Keepers::Certificates;

# Copyright (C) Keepers

# An authority and what it signs, made by openssl in a folder of its own.
#
#     my $ca = Keepers::Certificates->new($dir);
#     my $good = $ca->issue('good', san => 'IP:127.0.0.1,DNS:redis.test');
#     $ca->file; $good->{certificate}; $good->{key};
#
# Options of issue(): san; days, negative for one that has expired; usage, of
# extendedKeyUsage.  self_signed() makes one that no authority knows.

use strict;
use warnings;

use File::Path qw(make_path);

my @key = qw(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes);


sub new {
    my ($class, $dir) = @_;
    my $self = bless({ dir => $dir }, $class);

    make_path($dir);
    openssl('req', '-x509', @key, '-days', 2, '-subj', '/CN=authority',
            '-keyout', "$dir/ca.key", '-out', $self->file);
    return $self;
}


sub file { return "$_[0]{dir}/ca.pem" }


sub issue {
    my ($self, $name, %option) = @_;
    my $pair = $self->pair($name);
    my $extensions = "$self->{dir}/$name.ext";

    open(my $out, '>', $extensions) or die("$extensions: $!\n");
    print $out "subjectAltName=$option{san}\n" if $option{san};
    print $out "extendedKeyUsage=$option{usage}\n" if $option{usage};
    close($out);

    openssl('req', '-new', @key, '-subj', "/CN=$name",
            '-keyout', $pair->{key}, '-out', "$self->{dir}/$name.csr");
    openssl('x509', '-req', '-in', "$self->{dir}/$name.csr",
            '-CA', $self->file, '-CAkey', "$self->{dir}/ca.key",
            '-days', $option{days} // 2, '-extfile', $extensions,
            '-out', $pair->{certificate});
    return $pair;
}


sub self_signed {
    my ($self, $name, %option) = @_;
    my $pair = $self->pair($name);

    openssl('req', '-x509', @key, '-days', 2, '-subj', "/CN=$name",
            '-addext', "subjectAltName=$option{san}",
            '-keyout', $pair->{key}, '-out', $pair->{certificate});
    return $pair;
}


sub pair {
    my ($self, $name) = @_;

    return { certificate => "$self->{dir}/$name.pem",
             key => "$self->{dir}/$name.key" };
}


sub openssl {
    my @command = @_;

    system("openssl @command >/dev/null 2>&1") == 0
        or die("openssl @command failed\n");
    return;
}


1;
