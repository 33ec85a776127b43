# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Define the error codes of the API with their documented HTTP statuses and messages.

Undocumented statuses are those of published logs.
"""

from __future__ import annotations

import typing as t

ERRORS: t.Dict[str, t.Tuple[int, str]] = {
    # authentication and permissions
    "MissingParameter": (
        400,
        'The input parameter "%(name)s" that is mandatory for processing this request is not supplied.',
    ),
    "IncompleteSignature": (400, "The request signature does not conform to Alibaba Cloud standards."),
    "UnsupportedSignatureMethod": (400, "The specified signature method is not supported."),
    "InvalidAccessKeyId.NotFound": (404, "Specified access key is not found."),
    "SignatureDoesNotMatch": (
        400,
        "Specified signature is not matched with our calculation. server string to sign is:%(text)s",
    ),
    "SignatureNonceUsed": (400, "Specified signature nonce was used already."),
    "InvalidTimeStamp.Format": (400, "Specified time stamp or date value is not well formatted."),
    "InvalidTimeStamp.Expired": (400, "Specified time stamp or date value is expired."),
    "MissingSecurityToken": (400, "SecurityToken is mandatory for this action."),
    "InvalidSecurityToken.Expired": (400, "Specified SecurityToken is expired."),
    "InvalidSecurityToken.Malformed": (400, "Specified SecurityToken is malformed."),
    "InvalidSecurityToken.MismatchWithAccessKey": (400, "Specified SecurityToken mismatch with the AccessKey."),
    "Forbidden.RAM": (
        403,
        "User not authorized to operate on the specified resource, or this API doesn't support RAM.",
    ),
    "NoPermission": (403, "You are not authorized to do this action. You should be authorized by RAM."),
    # parameters
    "UnsupportedHTTPMethod": (405, "This http method is not supported."),
    "InvalidAction.NotFound": (404, "Specified api is not found, please check your url and method."),
    "InvalidVersion": (400, "Specified parameter Version is not valid."),
    "InvalidParameter": (400, 'The specified parameter "%(name)s" is not valid.'),
    "InvalidRegionId.NotFound": (404, "The RegionId provided does not exist in our records."),
    "InvalidInstanceId.NotFound": (404, "The specified InstanceId does not exist."),
    "InvalidHttpEndpoint.NotSupported": (400, "The specified HttpEndpoint is not supported."),
    "InvalidHttpTokens.NotSupported": (400, "The specified HttpTokens is not supported."),
    "InvalidInstanceMetadataTags.NotSupported": (400, "The specified InstanceMetadataTags is not supported."),
    "InvalidHttpPutResponseHopLimit.NotSupported": (400, "The specified HttpPutResponseHopLimit is not supported."),
    "InvalidImageId.NotFound": (404, "The specified ImageId does not exist."),
    # launch templates; these codes and messages are not documented
    "InvalidLaunchTemplate.NotFound": (404, "The specified launch template does not exist."),
    "InvalidLaunchTemplateName.Duplicate": (400, "The specified LaunchTemplateName already exists."),
    "InvalidLaunchTemplateVersion.NotFound": (404, "The specified version of the launch template does not exist."),
    # Auto Scaling; most messages are not documented
    "Forbidden.Unauthorized": (403, "A required authorization for the specified action is not supplied."),
    "InvalidScalingGroupId.NotFound": (404, "The specified scaling group does not exist."),
    "InvalidScalingGroupName.Duplicate": (400, "The specified scaling group name already exists."),
    "InvalidScalingConfigurationId.NotFound": (404, "The specified scaling configuration does not exist."),
    "InvalidScalingConfigurationName.Duplicate": (400, "The specified scaling configuration name already exists."),
    "IncorrectScalingGroupStatus": (400, "The current status of the scaling group does not support this action."),
    "InvalidStatus.NotFound": (404, "The specified Status is not found"),
    "InvalidTag.Mismatch": (400, "The specified Tag.n.Key and Tag.n.Value are not match."),
    "InvalidTagCount": (400, "The specified tags are beyond the permitted range."),
    "DryRunOperation": (400, "Request validation has been passed with DryRun flag set."),
    "EntityNotExist.Role": (404, "The role not exists: %(name)s."),
    # temporary failures
    "Throttling": (400, "Request was denied due to request throttling."),
    "Throttling.User": (400, "Request was denied due to user flow control."),
    "Throttling.Api": (400, "Request was denied due to api flow control."),
    "OperationConflict": (409, "The operation conflicts with another one in progress."),
    "InternalError": (500, "The request processing has failed due to some unknown error."),
    "ServiceUnavailable": (503, "The request has failed due to a temporary failure of the server."),
}


class ApiError(Exception):
    """An error response.

    A *code* that is not in ERRORS has the status 400 by default. *values* are inserted into the message.
    """

    def __init__(self, code: str, message: str = "", status: int = 0, **values: str) -> None:
        usual = ERRORS.get(code, (400, code))
        self.code = code
        self.status = status or usual[0]
        self.message = message or (usual[1] % values if values else usual[1])
        super().__init__(code)
