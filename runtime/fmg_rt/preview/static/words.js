// Every text of the page, in one table; ARKit's names, options and units are the same in all languages.

const TABLE = {
  en: {
    connecting: "connecting…", live: "live", closed: "not running", failing: "not taking frames: {0}",
    latency: "latency", rate: "frames/s", fps: "page fps", overflows: "overflows", time: "time", silence: "silence",
    avatar: "own avatar…", avatarTitle: "A .glb or .vrm; it stays in this browser", drawn: "drawn face",
    microphone: "Microphone", level: "Input level", face: "The face that fmg sends",
    sound: "sound", soundOn: "Play the clip's sound", soundOff: "Mute",
    theme: "Light or dark", language: "日本語", themeAuto: "auto", themeLight: "light", themeDark: "dark",
    bars: "bars", strength: "strength", emotion: "emotion", receivers: "receivers", coefficients: "The 52 coefficients",
    jaw: "jaw", lips: "lips", cheeks: "cheeks", brows: "brows", eyes: "eyes",
    mouth: "mouth", mood: "mood", smoothing: "smoothing", head: "head",
    emotion_strength: "emotion", emotion_mix: "chosen first",
    joy: "joy", anger: "anger", sadness: "sadness", fear: "fear", disgust: "disgust", surprise: "surprise", calm: "calm",
    cheekiness: "cheekiness", grief: "grief", outofbreath: "out of breath", pain: "pain",
    calibration: "Calibration of", scale: "scale", bias: "bias", reset: "reset", save: "save",
    quit: "stop", quitTitle: "End the program",
    none: "all off", history: "The last ten seconds", pause: "pause", go: "go on", opening: "mouth",
    strengthHint: "1 leaves it as it is, 0 is off.",
    emotionHint: "What the face shows, whatever is heard. 0 leaves it to the voice.",
    saved: "Saved {0}", refused: "Not done: {0}", copied: "copied",
    shapes: "{0}: {1} of 52 shapes", vowels: "{0}: mouth by vowels, {1} (no ARKit shapes in this file)", turning: "head", looking: "eyes",
    start: "Send", stop: "Stop", look: "what is sent", command: "The same as a command", copy: "copy", address: "Address of {0}",
    osc: "Unity, Blender, TouchDesigner: listen for OSC at this port.",
    vmc: "VSeeFace, Warudo, VNyan, Unity: switch the VMC receiver on, at this port; a perfect-sync avatar.",
    vrchat: "VRChat: Action menu → Options → OSC → Enabled; an avatar with VRCFaceTracking's parameters.",
    livelink: "Unreal, VRCFaceTracking, Warudo: add a Live Link Face source (UDP 11111).",
    ifacialmocap: "Warudo, VSeeFace, iFacialMocap's plug-ins: choose iFacialMocap as the tracker.",
    vtubestudio: "VTube Studio: Settings → Plugins → start the API, and allow fmg when it asks.",
    unreadable: "this is no .glb or .vrm",
    noShapes: "none of its shapes has an ARKit name (jawOpen, eyeBlinkLeft, …), and it has no VRM vowels (A I U E O)",
    draco: "its meshes are compressed with Draco, which this page cannot read. Export it again with compression off "
      + "(Blender: Data → Compression), or run: npx @gltf-transform/cli copy IN.glb OUT.glb",
    ktx2: "its textures are KTX2, which this page cannot read. Export it with PNG, JPEG or WebP textures",
    noWebgl: "this browser draws no WebGL: switch its hardware acceleration on",
  },
  ja: {
    connecting: "接続中…", live: "動作中", closed: "停止しています", failing: "受信されていません: {0}",
    latency: "遅延", rate: "フレーム/秒", fps: "画面 fps", overflows: "欠落", time: "時間", silence: "無音",
    avatar: "自分のアバター…", avatarTitle: ".glb または .vrm。このブラウザーの外には出ません", drawn: "描いた顔",
    microphone: "マイク", level: "入力レベル", face: "fmg が送っている顔",
    sound: "音", soundOn: "クリップの音を出す", soundOff: "消音",
    theme: "明るい・暗い", language: "English", themeAuto: "自動", themeLight: "明", themeDark: "暗",
    bars: "係数", strength: "強さ", emotion: "感情", receivers: "送り先", coefficients: "52 個の係数",
    jaw: "顎", lips: "唇", cheeks: "頬", brows: "眉", eyes: "目",
    mouth: "口", mood: "気分", smoothing: "平滑化", head: "頭",
    emotion_strength: "感情", emotion_mix: "指定を優先",
    joy: "喜び", anger: "怒り", sadness: "悲しみ", fear: "恐れ", disgust: "嫌悪", surprise: "驚き", calm: "穏やか",
    cheekiness: "いたずら", grief: "悲嘆", outofbreath: "息切れ", pain: "痛み",
    calibration: "調整", scale: "倍率", bias: "加算", reset: "戻す", save: "保存", quit: "終了", quitTitle: "プログラムを終了する",
    none: "すべて 0", history: "直近 10 秒", pause: "止める", go: "続ける", opening: "口",
    strengthHint: "1 はそのまま、0 はオフです。",
    emotionHint: "声に関わらず顔に出す感情です。0 なら声にまかせます。",
    saved: "保存しました: {0}", refused: "できません: {0}", copied: "コピーしました",
    shapes: "{0}: 52 個のうち {1} 個の形", vowels: "{0}: 口は母音で動きます、{1}（ARKit の形はありません）", turning: "頭", looking: "目",
    start: "送る", stop: "止める", look: "送信内容", command: "同じ設定のコマンド", copy: "コピー", address: "{0} の宛先",
    osc: "Unity・Blender・TouchDesigner: このポートで OSC を受信します。",
    vmc: "VSeeFace・Warudo・VNyan・Unity: このポートで VMC 受信を有効に。パーフェクトシンク対応アバター。",
    vrchat: "VRChat: アクションメニュー → Options → OSC → Enabled。VRCFaceTracking のパラメーターを持つアバター。",
    livelink: "Unreal・VRCFaceTracking・Warudo: Live Link Face を追加（UDP 11111）。",
    ifacialmocap: "Warudo・VSeeFace など: トラッカーに iFacialMocap を選びます。",
    vtubestudio: "VTube Studio: 設定 → プラグイン → API を開始し、fmg を許可します。",
    unreadable: ".glb でも .vrm でもありません",
    noShapes: "ARKit の名前（jawOpen、eyeBlinkLeft など）の形も、VRM の母音（A I U E O）もありません",
    draco: "メッシュが Draco で圧縮されていて読めません。圧縮なしで書き出すか（Blender: データ → 圧縮）、"
      + "次を実行してください: npx @gltf-transform/cli copy IN.glb OUT.glb",
    ktx2: "テクスチャーが KTX2 なので読めません。PNG・JPEG・WebP で書き出してください",
    noWebgl: "このブラウザーでは WebGL が使えません。ハードウェアアクセラレーションを有効にしてください",
  },
};

// What a person chose on this page before; a browser may refuse to keep anything.
export function remembered(key) { try { return localStorage.getItem(key); } catch { return null; } }
export function remember(key, value) { try { localStorage.setItem(key, value); } catch { /* then it does not */ } }

const wanted = new URLSearchParams(location.search).get("lang") ?? remembered("language") ?? navigator.language ?? "en";

/** "en" or "ja". */
export const language = wanted.toLowerCase().startsWith("ja") ? "ja" : "en";

/** The text for a key; {0}, {1} … become `parts`. A key that no table has is shown as it is. */
export function word(key, ...parts) {
  return (TABLE[language][key] ?? key).replace(/\{(\d)\}/g, (_, i) => parts[i]);
}

/** Fill every element that names its text: data-word="key" its content, data-title="key" its title and label. */
export function translate(root) {
  document.documentElement.lang = language;
  for (const element of root.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const element of root.querySelectorAll("[data-title]")) {
    element.title = word(element.dataset.title);
    element.setAttribute("aria-label", element.title);
  }
}
