import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.opensearch.common.settings.Settings;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.transport.Netty4Plugin;

/** An OpenSearch node without the distribution: its HTTP and transport layers come from the class path. */
public final class LabNode extends Node {
    private LabNode(Settings settings) {
        super(
            InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "lab"),
            List.of(Netty4Plugin.class),
            true
        );
    }

    /** Arguments: the settings, each as key=value. */
    public static void main(String[] arguments) throws Exception {
        Settings.Builder settings = Settings.builder();
        for (String argument : arguments) {
            String[] pair = argument.split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        LabNode node = new LabNode(settings.build());
        node.start();
        new CountDownLatch(1).await();
    }
}
