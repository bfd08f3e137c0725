# The public names, declared: see refnet/public.py.
from refnet.layers.convolution import Conv1D as Conv1D
from refnet.layers.convolution import Conv1DTranspose as Conv1DTranspose
from refnet.layers.convolution import Conv2D as Conv2D
from refnet.layers.convolution import Conv2DTranspose as Conv2DTranspose
from refnet.layers.convolution import Conv3D as Conv3D
from refnet.layers.convolution import Conv3DTranspose as Conv3DTranspose
from refnet.layers.convolution import DepthwiseConv1D as DepthwiseConv1D
from refnet.layers.convolution import DepthwiseConv2D as DepthwiseConv2D
from refnet.layers.convolution import SeparableConv1D as SeparableConv1D
from refnet.layers.convolution import SeparableConv2D as SeparableConv2D
from refnet.layers.core import Activation as Activation
from refnet.layers.core import Dense as Dense
from refnet.layers.core import Flatten as Flatten
from refnet.layers.input_layer import Input as Input
from refnet.layers.input_layer import InputLayer as InputLayer
from refnet.layers.input_spec import InputSpec as InputSpec
from refnet.layers.layer import Layer as Layer
from refnet.layers.lookup import deserialize as deserialize
from refnet.layers.lookup import serialize as serialize
from refnet.layers.normalization import BatchNormalization as BatchNormalization
from refnet.layers.normalization import GroupNormalization as GroupNormalization
from refnet.layers.normalization import LayerNormalization as LayerNormalization
from refnet.layers.normalization import RMSNormalization as RMSNormalization
from refnet.layers.normalization import SpectralNormalization as SpectralNormalization
from refnet.layers.normalization import UnitNormalization as UnitNormalization
from refnet.layers.pooling import AdaptiveAveragePooling1D as AdaptiveAveragePooling1D
from refnet.layers.pooling import AdaptiveAveragePooling2D as AdaptiveAveragePooling2D
from refnet.layers.pooling import AdaptiveAveragePooling3D as AdaptiveAveragePooling3D
from refnet.layers.pooling import AdaptiveMaxPooling1D as AdaptiveMaxPooling1D
from refnet.layers.pooling import AdaptiveMaxPooling2D as AdaptiveMaxPooling2D
from refnet.layers.pooling import AdaptiveMaxPooling3D as AdaptiveMaxPooling3D
from refnet.layers.pooling import AveragePooling1D as AveragePooling1D
from refnet.layers.pooling import AveragePooling2D as AveragePooling2D
from refnet.layers.pooling import AveragePooling3D as AveragePooling3D
from refnet.layers.pooling import GlobalAveragePooling1D as GlobalAveragePooling1D
from refnet.layers.pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
from refnet.layers.pooling import GlobalAveragePooling3D as GlobalAveragePooling3D
from refnet.layers.pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
from refnet.layers.pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
from refnet.layers.pooling import GlobalMaxPooling3D as GlobalMaxPooling3D
from refnet.layers.pooling import MaxPooling1D as MaxPooling1D
from refnet.layers.pooling import MaxPooling2D as MaxPooling2D
from refnet.layers.pooling import MaxPooling3D as MaxPooling3D
from refnet.layers.regularization import Dropout as Dropout
from refnet.layers.regularization import SpatialDropout1D as SpatialDropout1D
from refnet.layers.regularization import SpatialDropout2D as SpatialDropout2D
from refnet.layers.regularization import SpatialDropout3D as SpatialDropout3D
from refnet.layers.reshaping import CenterCrop as CenterCrop
from refnet.layers.reshaping import Cropping1D as Cropping1D
from refnet.layers.reshaping import Cropping2D as Cropping2D
from refnet.layers.reshaping import Cropping3D as Cropping3D
from refnet.layers.reshaping import Resizing as Resizing
from refnet.layers.reshaping import UpSampling1D as UpSampling1D
from refnet.layers.reshaping import UpSampling2D as UpSampling2D
from refnet.layers.reshaping import UpSampling3D as UpSampling3D
from refnet.layers.reshaping import ZeroPadding1D as ZeroPadding1D
from refnet.layers.reshaping import ZeroPadding2D as ZeroPadding2D
from refnet.layers.reshaping import ZeroPadding3D as ZeroPadding3D
from refnet.layers.wrapper import Wrapper as Wrapper

# Keras' other names for the same
AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
AvgPool3D = AveragePooling3D
Convolution1D = Conv1D
Convolution1DTranspose = Conv1DTranspose
Convolution2D = Conv2D
Convolution2DTranspose = Conv2DTranspose
Convolution3D = Conv3D
Convolution3DTranspose = Conv3DTranspose
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
MaxPool3D = MaxPooling3D
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D
