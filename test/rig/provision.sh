#!/bin/sh
# Makes a machine with the package installed into a member of a Weft cluster, as an admin would by hand.
#   provision.sh controller NAME OWN_ADDRESS CONTROLLER_ADDRESS SECRET
#   provision.sh host       NAME OWN_ADDRESS CONTROLLER_ADDRESS SECRET [UNDERLAY]
set -eu
role=$1 name=$2 own=$3 controller=$4 secret=$5 underlay=${6:-eth0}

install -d -m 0700 /var/lib/weft
(umask 077 && printf '%s\n' "$secret" > /var/lib/weft/secret)
case $role in
controller)
  cat > /etc/weft/controller.env << EOF
WEFT_EMBEDDED=true
WEFT_INSECURE=true
WEFT_LISTEN=$own:7474
WEFT_NATS_LISTEN=$own:4222
EOF
  systemctl enable --quiet --now weft-controller.service
  ;;
host)
  cat > /etc/weft/agent.env << EOF
WEFT_AGENT_FLAGS="--insecure --id $name --controller http://$controller:7474 --nats nats://$controller:4222 --underlay $underlay"
EOF
  systemctl enable --quiet weft-agent.socket weft-agent.service docker.service
  systemctl start weft-agent.socket
  # Together, as at boot: the socket holds Docker's calls until the agent serves.
  systemctl start --no-block weft-agent.service
  systemctl start docker.service
  ;;
*)
  echo "provision.sh: role $role is neither controller nor host" >&2
  exit 2
  ;;
esac
