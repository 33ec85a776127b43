// Copyright: Contributors to the alicloud.imds collection
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// instance_id: print the ID of the instance as denverdino/aliyungo reads it.
package main

import (
	"fmt"
	"os"

	"github.com/denverdino/aliyungo/metadata"
)

func main() {
	id, err := metadata.NewMetaData(nil).InstanceID()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(id)
}
