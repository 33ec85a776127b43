// Copyright: Contributors to the alicloud.imds collection
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// node_clients.js MODULE ROLE: print what @alicloud/credentials or OpenTelemetry's detector reads.
const [, , name, role] = process.argv;
const module_ = require(name);

async function read() {
  if (module_.alibabaCloudEcsDetector) {
    const { attributes } = module_.alibabaCloudEcsDetector.detect();
    return attributes['host.id'];
  }
  const client = new module_.default(new module_.Config({ type: 'ecs_ram_role', roleName: role }));
  return client.getCredential ? (await client.getCredential()).accessKeyId : client.getAccessKeyId();
}

// exit: the timer of @alicloud/credentials for the next keys would keep the process alive
read().then(
  (value) => { console.log(value ?? ''); process.exit(0); },
  (error) => { console.error(error.message); process.exit(1); },
);
