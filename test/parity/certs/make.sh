#!/bin/sh
# Makes the certificates of the TLS cases: one authority, two servers, one client. Valid for a hundred years.
set -eu
cd "$(dirname "$0")"
sign() { # name, subject, subject alternative names
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -subj "$2" -out "$1.csr"
  printf 'subjectAltName=%s\n' "$3" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 36500 -extfile "$1.ext" -out "$1.crt"
  rm "$1.csr" "$1.ext"
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -subj "/O=Example/CN=Parity CA" -days 36500 -out ca.crt
sign server "/O=Example/CN=www.example.test" "DNS:www.example.test,DNS:example.test,IP:127.0.0.1"
sign wild "/O=Example/CN=wild.test" "DNS:*.wild.test"
sign client "/O=Example/CN=client.example.test" "URI:spiffe://example.test/client,DNS:client.example.test"
rm -f ca.srl
