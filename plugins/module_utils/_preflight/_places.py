# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The usual places of scripts and of configurations with commands, the most important first. Data only."""

_BOOT_AND_CRON = """
/etc/crontab /etc/anacrontab /etc/cron.d /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly /var/spool/cron
/var/spool/at /etc/systemd/system /etc/systemd/user /usr/local/lib/systemd /run/systemd/system /etc/init.d /etc/rc.local
/etc/rc.d /etc/inittab /etc/profile /etc/profile.d /etc/bashrc /etc/bash.bashrc /etc/zsh /etc/zshrc /etc/environment
/etc/default /etc/sysconfig /etc/update-motd.d /etc/udev/rules.d /etc/network /etc/NetworkManager/dispatcher.d
/etc/networkd-dispatcher /etc/dhcp /etc/ppp /etc/cloud /var/lib/cloud/instances /var/lib/cloud/scripts /var/lib/cloud/seed
/etc/dracut.conf.d /etc/initramfs-tools /etc/kernel /etc/acpi /etc/security /etc/skel /etc/xdg/autostart
"""
_SERVICES = """
/usr/lib/ocf /usr/share/pacemaker/alerts /etc/keepalived /etc/kubernetes /etc/cni /opt/cni /etc/supervisord.conf
/etc/supervisord.d /etc/supervisor /etc/ansible /etc/facter /etc/puppetlabs /etc/chef /etc/salt /etc/zabbix /usr/lib/zabbix
/etc/nagios /usr/lib/nagios /usr/lib64/nagios /etc/monit /etc/monit.d /etc/monitrc /etc/telegraf /etc/consul.d /etc/nomad.d
/etc/vault.d /etc/collectd /etc/collectd.d /etc/prometheus /etc/datadog-agent /etc/filebeat /etc/metricbeat /etc/fluent
/etc/td-agent /etc/fluent-bit /etc/vector /etc/rsyslog.d /etc/logrotate.d /etc/nginx /usr/local/nginx /etc/openresty
/etc/httpd /etc/apache2 /etc/haproxy /etc/caddy /etc/squid /etc/php /etc/php.d /etc/letsencrypt /etc/acme.sh /etc/yum
/etc/apt /etc/openvpn /etc/wireguard /etc/strongswan.d /etc/docker /etc/containerd /etc/gitlab-runner
/var/lib/jenkins/init.groovy.d /etc/logstash
"""
_LOCAL = """
/usr/local/bin /usr/local/sbin /usr/local/libexec /usr/local/etc /usr/local/share /usr/local/lib /usr/local/app /root /opt /srv
/var/www /app /data /home
"""
DIRECTORIES = tuple((_BOOT_AND_CRON + _SERVICES + _LOCAL).split())
# The installed files of this collection, of which one defines the address.
OWN = "/usr/local/lib/ecs-metadata"
