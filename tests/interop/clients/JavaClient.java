// Copyright: Contributors to the alicloud.imds collection
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** JavaClient new|old: read two items with a token, by java.net.http.HttpClient or by HttpURLConnection. */
class JavaClient {
    static final String SERVICE = "http://100.100.100.200/latest/";
    static final HttpClient CLIENT = HttpClient.newHttpClient();
    static boolean modern;

    public static void main(String[] words) throws Exception {
        modern = words[0].equals("new");
        String token = ask("PUT", "api/token", "X-aliyun-ecs-metadata-token-ttl-seconds", "60");
        System.out.println(ask("GET", "meta-data/instance-id", "X-aliyun-ecs-metadata-token", token));
        System.out.println(ask("GET", "meta-data/mac", "X-aliyun-ecs-metadata-token", token));
    }

    static String ask(String method, String path, String header, String value) throws Exception {
        URI address = URI.create(SERVICE + path);
        if (modern) {
            HttpRequest request = HttpRequest.newBuilder(address).header(header, value)
                .method(method, HttpRequest.BodyPublishers.noBody()).build();
            return CLIENT.send(request, HttpResponse.BodyHandlers.ofString()).body();
        }
        HttpURLConnection connection = (HttpURLConnection) address.toURL().openConnection();
        connection.setRequestMethod(method);
        connection.setRequestProperty(header, value);
        return new String(connection.getInputStream().readAllBytes());
    }
}
