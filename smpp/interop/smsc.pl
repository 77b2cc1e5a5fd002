#!/usr/bin/perl
# An SMSC on Perl's Net::SMPP, for a test that binds smsbridge to code that is not
# its own. It listens on a free port of the loopback. Each line of its output is
# something that happened, each line of its input an order:
#
#   {"deliver": {"from", "to", "text"}}  a text for the ESME; "coding" is its
#                                        data_coding, "udh" a header in hex, "data"
#                                        has it sent as data_sm
#   {"unbind": true}                     as before maintenance
#   {"drop": true}                       as a network that fails
#
# Responses have ids in hexadecimal, and receipts in decimal, as with some
# carriers; the answer to a bind has no sc_interface_version, as with SMPP 3.3. It
# ends with its input.
use strict;
use warnings;

use Encode qw(decode encode);
use IO::Select;
use JSON::PP;
use Net::SMPP;
use POSIX qw(strftime);

use constant { UDHI => 0x40, RECEIPT => 0x04, UCS2 => 8, INTERNATIONAL => 1 };

$SIG{PIPE} = 'IGNORE';
$| = 1;

my $server = Net::SMPP->new_listen('127.0.0.1', port => 0, smpp_version => 0x34, async => 1)
    or die "cannot listen: $!";
my $json   = JSON::PP->new->utf8->canonical;
my $select = IO::Select->new($server, \*STDIN);
my $bound;
my $next_id = 0x1f0a3c;
my %waiting;    # sequence number => the event that its answer is
my $input = '';

sub tell_event {
    my ($event, %details) = @_;
    print $json->encode({ event => $event, %details }), "\n";
}

sub status_of {
    my ($pdu) = @_;
    my $known = Net::SMPP::status_code->{ $pdu->{status} };
    return $known ? $known->{code} : sprintf '0x%08x', $pdu->{status};
}

sub addresses {
    my ($from, $to) = @_;
    return (
        source_addr_ton => INTERNATIONAL, source_addr_npi => INTERNATIONAL, source_addr => $from,
        dest_addr_ton => INTERNATIONAL, dest_addr_npi => INTERNATIONAL, destination_addr => $to,
    );
}

# Texts outside UCS-2 are of the characters that ASCII and GSM 7 bit share.
sub text_of {
    my ($coding, $octets) = @_;
    return $coding == UCS2 ? decode('UTF-16BE', $octets) : $octets;
}

sub deliver {
    my ($order) = @_;
    my $coding = $order->{coding} // 0;
    my $octets = $coding == UCS2 ? encode('UTF-16BE', $order->{text}) : $order->{text};
    my $udh    = pack 'H*', $order->{udh} // '';
    my @pdu    = (
        addresses($order->{from}, $order->{to}),
        data_coding => $coding,
        esm_class   => length $udh ? UDHI : 0,
    );
    my $seq = $order->{data}
        ? $bound->data_sm(@pdu, message_payload => $udh . $octets)
        : $bound->deliver_sm(@pdu, short_message => $udh . $octets);
    $waiting{$seq} = 'answer';
}

sub submit {
    my ($client, $pdu) = @_;
    my $number = $next_id++;
    my $id     = sprintf '%x', $number;
    my ($udh, $octets) = ('', $pdu->{short_message});
    if ($pdu->{esm_class} & UDHI) {
        my $length = unpack 'C', $octets;
        $udh    = substr $octets, 1, $length;
        $octets = substr $octets, 1 + $length;
    }
    $client->submit_sm_resp(seq => $pdu->{seq}, message_id => $id);
    tell_event(
        'submit',
        id => $id, from => $pdu->{source_addr}, to => $pdu->{destination_addr}, coding => $pdu->{data_coding},
        text => text_of($pdu->{data_coding}, $octets), udh => unpack('H*', $udh),
    );
    return unless $pdu->{registered_delivery} & 1;
    my $date = strftime '%y%m%d%H%M', gmtime;
    my $seq  = $client->deliver_sm(
        addresses($pdu->{destination_addr}, $pdu->{source_addr}),
        esm_class     => RECEIPT,
        short_message => "id:$number sub:001 dlvrd:001 submit date:$date done date:$date stat:DELIVRD err:000 text:",
    );
    $waiting{$seq} = 'receipt';
}

sub closed {
    my ($client) = @_;
    $select->remove($client);
    close $client;
    undef $bound if defined $bound && $client == $bound;
    tell_event('close');
}

sub pdu {
    my ($client) = @_;
    local $SIG{__WARN__} = sub { warn @_ unless $_[0] =~ /eof/ };
    my $pdu = $client->read_pdu or return closed($client);
    my $cmd = $pdu->{cmd};
    if ($cmd == Net::SMPP::CMD_bind_transceiver) {
        my $right = $pdu->{system_id} eq 'us' && $pdu->{password} eq 'secret';
        $bound = $client if $right;
        $client->bind_transceiver_resp(seq => $pdu->{seq}, system_id => 'perl', status => $right ? 0 : 0x0e);
        tell_event('bind', system_id => $pdu->{system_id}, version => $pdu->{interface_version}, accepted => $right ? \1 : \0);
    } elsif ($cmd == Net::SMPP::CMD_submit_sm) {
        submit($client, $pdu);
    } elsif ($cmd == Net::SMPP::CMD_enquire_link) {
        $client->enquire_link_resp(seq => $pdu->{seq});
        tell_event('enquire_link');
    } elsif ($cmd == Net::SMPP::CMD_unbind) {
        $client->unbind_resp(seq => $pdu->{seq});
        tell_event('unbind');
    } elsif ($cmd == Net::SMPP::CMD_unbind_resp) {
        tell_event('unbound', status => status_of($pdu));
        closed($client);
    } elsif (my $event = delete $waiting{ $pdu->{seq} }) {
        tell_event($event, status => status_of($pdu));
    } else {
        tell_event('unexpected', text => sprintf '0x%08x', $cmd);
    }
}

sub order {
    my ($order) = @_;
    if    ($order->{deliver}) { deliver($order->{deliver}) }
    elsif ($order->{unbind})  { $bound->unbind }
    elsif ($order->{drop})    { closed($bound) }
}

tell_event('listening', port => $server->sockport);
while (1) {
    for my $handle ($select->can_read) {
        if ($handle == $server) {
            $select->add($server->accept);
        } elsif ($handle == \*STDIN) {
            sysread(STDIN, $input, 4096, length $input) or exit 0;
            order($json->decode($1)) while $input =~ s/^(.*)\n//;
        } else {
            pdu($handle);
        }
    }
}
