// Copyright: Contributors to the alicloud.imds collection
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// role_keys.js [ROLE]: print the keys of the RAM role as @alicloud/credentials gets them.
const { default: Credential, Config } = require('@alicloud/credentials');

const client = new Credential(new Config({ type: 'ecs_ram_role', roleName: process.argv[2] }));
client.getCredential().then(
  (keys) => {
    console.log(JSON.stringify({
      access_key_id: keys.accessKeyId,
      access_key_secret: keys.accessKeySecret,
      security_token: keys.securityToken,
    }));
    process.exit(0); // its timer for the next keys would keep the process alive
  },
  (error) => {
    console.error(error.message);
    process.exit(1);
  },
);
