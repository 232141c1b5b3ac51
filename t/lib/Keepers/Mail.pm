package Keepers::Mail;

# Copyright (C) Keepers

# What the writer has left in a folder of mails.
#
#     my @mails = mails($dir);            # oldest first: the name begins with
#     my $mail = mail_for($dir, 2);       # the time; waits for the second one
#     $mail->{head}{To}; $mail->{text}; $mail->{token}; $mail->{file};

use strict;
use warnings;

use Exporter qw(import);

use Keepers::Test;

our @EXPORT = qw(mails mail_for mail_read);


sub mails {
    my ($dir) = @_;

    return map { mail_read(slurp($_), $_) } sort glob("$dir/*.eml");
}


sub mail_for {
    my ($dir, $n) = @_;

    return wait_for { my @mails = mails($dir); @mails >= $n && $mails[$n - 1] };
}


sub mail_read {
    my ($bytes, $file) = @_;
    my ($head, $text) = split(/\r\n\r\n/, $bytes, 2);
    my %head = map { /^([\w-]+): (.*)$/ ? ($1, $2) : () }
                   split(/\r\n/, $head // '');
    my ($token) = ($text // '') =~ m{/reset\?token=([\w-]+)\r\n};

    return { file => $file, bytes => $bytes, head => \%head,
             text => $text // '', token => $token };
}


1;
