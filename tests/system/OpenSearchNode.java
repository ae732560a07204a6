// One OpenSearch node with HTTP and Painless, for tests:  java -cp 'lib/*' OpenSearchNode.java HOME
// reads HOME/config/opensearch.yml and runs until SIGTERM.
import java.util.List;
import java.util.Map;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.painless.PainlessPlugin;
import org.opensearch.transport.Netty4Plugin;

public class OpenSearchNode extends Node {
    private OpenSearchNode(Environment environment) {
        super(environment, List.of(Netty4Plugin.class, PainlessPlugin.class), false);
    }

    public static void main(String[] arguments) throws Exception {
        Environment environment = InternalSettingsPreparer.prepareEnvironment(
            Settings.EMPTY, Map.of("path.home", arguments[0]), null, () -> "test");
        Node node = new OpenSearchNode(environment);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (java.io.IOException failure) {
                failure.printStackTrace();
            }
        }));
        node.start();
        Thread.currentThread().join();  // for ever: the node's own threads do not keep it alive
    }
}
